package registry

import (
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// BackendStatus says whether a storage backend can be used.
type BackendStatus string

// The statuses of a storage backend.
const (
	// BackendPending: created with its organization, not provisioned yet.
	BackendPending BackendStatus = "pending"
	// BackendValid: artifacts can be stored in it.
	BackendValid BackendStatus = "valid"
	// BackendInvalid: it was valid once and is not now.
	BackendInvalid BackendStatus = "invalid"
)

// ProviderS3 is the provider of buckets that organizations bring (facts WIRE §8.6).
const ProviderS3 = "AWS-S3"

// MaxBackends is how many buckets of its own an organization may have.
const MaxBackends = 20

// Backend says where an organization's artifacts go. The record of a managed one
// has no coordinates: these are in the secret store (DESIGN I10). That of a bucket which
// the organization brings has them in Bucket: they are its own, and no secret.
type Backend struct {
	ID          uuid.UUID
	Org         org.ID
	Name        string
	Description string
	Managed     bool
	Bucket      tenancy.OwnBucket // zero if Managed
	Default     bool
	Fallback    bool // becomes the default when that is gone; the managed one comes after it
	Status      BackendStatus
	// ValidationError says what the organization has to do about an invalid one. Never set
	// for the managed one.
	ValidationError string
	MaxBytes        int64 // largest artifact; 0: the installation's limit
	CreatedAt       time.Time
	UpdatedAt       time.Time
	ValidatedAt     time.Time // zero: never
	CheckAt         time.Time // when it is validated again; zero: not by us
}

// NewManagedBackend returns the backend that a new organization starts with: the
// default one, pending.
func NewManagedBackend(id org.ID, now time.Time) Backend {
	return Backend{
		ID: uuid.New(), Org: id, Name: tenancy.StorageBackendName,
		Managed: true, Default: true, Status: BackendPending,
		CreatedAt: now, UpdatedAt: now,
	}
}
