package secretstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
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

// database keeps coordinates in the installation's own database: the driver for those
// who run no secret manager. The documents are no secrets in themselves; what protects
// them is that they are useless without a workload identity.
type database struct{ documents Documents }

// NewDatabase returns a Store over the installation's database.
func NewDatabase(documents Documents) *Store { return newStore(database{documents}) }

func (d database) put(ctx context.Context, id org.ID, document []byte) error {
	return ofDatabase(d.documents.PutSecret(ctx, id, tenancy.StorageBackendName, document))
}

func (d database) get(ctx context.Context, id org.ID) ([]byte, error) {
	document, err := d.documents.Secret(ctx, id, tenancy.StorageBackendName)
	return document, ofDatabase(err)
}

func (d database) delete(ctx context.Context, id org.ID) error {
	return ofDatabase(d.documents.DeleteSecret(ctx, id, tenancy.StorageBackendName))
}

// ofDatabase classes what a database does not: all that it fails of is its own trouble.
func ofDatabase(err error) error {
	if err == nil || errors.Is(err, registry.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%w: %w", registry.ErrUnavailable, err)
}
