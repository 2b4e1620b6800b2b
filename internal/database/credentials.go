package database

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// credentials is asked at every call with an API token. Nothing of it is kept, so that a
// token which is revoked is refused from then on, by every process.
const credentials prepared = `SELECT t.id, t.sha256, t.org_id, t.name, t.created_at, t.expires_at, t.revoked_at, t.last_used_at,
	o.id AS owner__id, o.name AS owner__name, o.state AS owner__state, o.reason AS owner__reason,
	o.created_at AS owner__created_at, o.updated_at AS owner__updated_at
FROM api_tokens t LEFT JOIN organizations o ON o.id = t.org_id WHERE t.id = $1`

type credentialsRow struct {
	tokenRow `bun:",extend"`

	Owner organizationRow `bun:"embed:owner__"`
}

// TokenAndOrganization returns the record of a token, revoked or not, and the organization
// that it belongs to, which may be deleted; the zero one for an instance token.
// registry.ErrNotFound: there is no such token.
func (db *DB) TokenAndOrganization(ctx context.Context, id uuid.UUID) (registry.Token, org.Organization, error) {
	var row credentialsRow
	if err := credentials.scan(ctx, db, id.String(), &row); err != nil {
		return registry.Token{}, org.Organization{}, fmt.Errorf("read token %s: %w", id, classify(err))
	}
	t, err := row.token()
	if err != nil || t.Instance() {
		return t, org.Organization{}, err
	}
	o, err := row.Owner.organization()
	return t, o, err
}
