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

// Backend says where an organization's artifacts go. The record of a managed one
// has no coordinates: these are in the secret store (DESIGN I10).
type Backend struct {
	ID          uuid.UUID
	Org         org.ID
	Name        string
	Managed     bool
	Default     bool
	Status      BackendStatus
	MaxBytes    int64 // largest artifact; 0: the installation's limit
	CreatedAt   time.Time
	UpdatedAt   time.Time
	ValidatedAt time.Time // zero: never
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
