package secretstore

import (
	"context"
	"fmt"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Documents is what the database driver needs of a database.
type Documents interface {
	// PutSecret stores a document under the organization and a name, in place of the
	// one that was there. It is durable when the call returns.
	PutSecret(ctx context.Context, id org.ID, name string, document []byte) error
	// Secret returns the document, or registry.ErrNotFound.
	Secret(ctx context.Context, id org.ID, name string) ([]byte, error)
	// DeleteSecret removes the document. Removing what is not there succeeds.
	DeleteSecret(ctx context.Context, id org.ID, name string) error
}

// Database keeps coordinates in the installation's own database: the driver for
// those who run no secret manager. The documents are no secrets in themselves; what
// protects them is that they are useless without a workload identity.
type Database struct{ documents Documents }

// NewDatabase returns the driver over documents.
func NewDatabase(documents Documents) *Database { return &Database{documents} }

// PutCoordinates stores the coordinates of an organization in place of older ones;
// ErrMalformed when they are anything but the ARNs of one account.
func (s *Database) PutCoordinates(ctx context.Context, id org.ID, c tenancy.Coordinates) error {
	document, err := encode(c)
	if err == nil {
		err = s.documents.PutSecret(ctx, id, tenancy.StorageBackendName, document)
	}
	if err != nil {
		return fmt.Errorf("put coordinates of %s: %w", id, err)
	}
	return nil
}

// Coordinates returns the coordinates of an organization: registry.ErrNotFound when
// there are none yet, ErrMalformed when they were tampered with.
func (s *Database) Coordinates(ctx context.Context, id org.ID) (tenancy.Coordinates, error) {
	document, err := s.documents.Secret(ctx, id, tenancy.StorageBackendName)
	if err != nil {
		return tenancy.Coordinates{}, fmt.Errorf("read coordinates of %s: %w", id, err)
	}
	c, err := decode(document)
	if err != nil {
		return tenancy.Coordinates{}, fmt.Errorf("read coordinates of %s: %w", id, err)
	}
	return c, nil
}

// DeleteCoordinates forgets an organization. Forgetting it twice succeeds.
func (s *Database) DeleteCoordinates(ctx context.Context, id org.ID) error {
	if err := s.documents.DeleteSecret(ctx, id, tenancy.StorageBackendName); err != nil {
		return fmt.Errorf("delete coordinates of %s: %w", id, err)
	}
	return nil
}
