package registry

import (
	"errors"
	"time"

	"github.com/managedcas/managedcas/internal/org"
)

var (
	// ErrNotDeleted means that the organization is not deleted, or no longer.
	ErrNotDeleted = errors.New("the organization is not deleted")
	// ErrPurging means that the purge of the organization's objects has begun: what it
	// had cannot be brought back.
	ErrPurging = errors.New("the purge has begun")
)

// RenewedRetention is the shortest retention that begins anew, also where none is wanted:
// time for somebody to find out why a deleted organization lives.
const RenewedRetention = 24 * time.Hour

// Deletion says what becomes of the objects of a deleted organization. It is written
// when nothing else is left of it in AWS, and goes when it is brought back.
type Deletion struct {
	Org       org.ID
	DeletedAt time.Time
	PurgeAt   time.Time // not before
	BegunAt   time.Time // zero: every object is there still
	PurgedAt  time.Time // zero: not yet
	Objects   int64     // versions, markers and uploads in parts that the purge removed
	Bytes     int64
}

// DeletedOrganization is an organization that is deleted or about to be.
type DeletedOrganization struct {
	org.Organization
	// Deletion is zero while its AWS objects are being taken away, and for organizations
	// that were deleted before there were retentions: nobody purges those.
	Deletion Deletion
}

// Removed counts what a purge has removed.
type Removed struct {
	Objects int64 // versions, delete markers and uploads in parts
	Bytes   int64
}
