package secretstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Secrets is what the driver of AWS Secrets Manager needs of AWS. Errors wrap those of
// package cloud.
type Secrets interface {
	// PutSecret creates the secret, or gives it another value. One that waits for its
	// deletion is taken back.
	PutSecret(ctx context.Context, s cloud.Secret, value []byte) error
	// SecretValue is cloud.ErrNotFound also for a secret that waits for its deletion.
	SecretValue(ctx context.Context, arn string) ([]byte, error)
	// DeleteSecret destroys it without a recovery window, and is content when there is
	// none.
	DeleteSecret(ctx context.Context, arn string) error
}

type secretsManager struct {
	secrets Secrets
	in      tenancy.Installation
}

// NewSecretsManager returns a Store over AWS Secrets Manager, with the names and the
// key of in.Secrets: those that the policies of in admit.
func NewSecretsManager(secrets Secrets, in tenancy.Installation) (*Store, error) {
	if in.Secrets.Prefix == "" {
		return nil, errors.New("the installation keeps nothing in AWS Secrets Manager: it has no prefix for the names of secrets")
	}
	return newStore(secretsManager{secrets, in}), nil
}

func (m secretsManager) put(ctx context.Context, id org.ID, document []byte) error {
	t := m.in.Tenant(id)
	return m.secrets.PutSecret(ctx, cloud.Secret{
		Name:        t.SecretName(),
		ARN:         t.SecretARN(),
		Description: "Where managedcas keeps the artifacts of an organization: resource names, no credentials",
		KeyARN:      m.in.Secrets.KMSKeyARN,
		Tags:        t.SessionTags(),
	}, document)
}

func (m secretsManager) get(ctx context.Context, id org.ID) ([]byte, error) {
	document, err := m.secrets.SecretValue(ctx, m.in.Tenant(id).SecretARN())
	if errors.Is(err, cloud.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", registry.ErrNotFound, err)
	}
	return document, err
}

func (m secretsManager) delete(ctx context.Context, id org.ID) error {
	return m.secrets.DeleteSecret(ctx, m.in.Tenant(id).SecretARN())
}
