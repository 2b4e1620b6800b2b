package casgate

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
)

// Backends knows whose a storage backend is.
type Backends interface {
	Organizations
	// Backend returns one of an organization's storage backends; registry.ErrNotFound when
	// it has none with this id, whoever else may have it.
	Backend(ctx context.Context, id org.ID, backend uuid.UUID) (registry.Backend, error)
}

// Bound are Tokens whose organization has the storage backend that they name: a token of
// one organization with the backend of another is good for neither. Their grants name it
// only if it is a bucket of the organization's own.
type Bound struct {
	tokens   Tokens
	backends Backends
	// known says of what was found which is managed. That never changes, and whether an own
	// bucket is still there is asked for every session in it.
	known *lru.Cache[owned, bool]
}

type owned struct {
	org     org.ID
	backend uuid.UUID
}

// maxBound is how many backends are known, as sessions are kept.
const maxBound = 10_000

// NewBound returns Bound tokens.
func NewBound(tokens Tokens, backends Backends) (Bound, error) {
	known, err := lru.New[owned, bool](maxBound)
	return Bound{tokens, backends, known}, err
}

// Grant implements Tokens.
func (b Bound) Grant(ctx context.Context, token string) (cas.Grant, error) {
	grant, err := b.tokens.Grant(ctx, token)
	if err != nil {
		return cas.Grant{}, err
	}
	managed, err := b.managed(ctx, owned{grant.Org, grant.Backend})
	if err != nil {
		return cas.Grant{}, err
	}
	if managed {
		grant.Backend = uuid.Nil
	}
	return grant, nil
}

func (b Bound) managed(ctx context.Context, o owned) (bool, error) {
	if managed, ok := b.known.Get(o); ok {
		return managed, nil
	}
	found, err := b.backends.Backend(ctx, o.org, o.backend)
	if errors.Is(err, registry.ErrNotFound) {
		return b.gone(ctx, o.org)
	}
	if err != nil {
		return false, asking(err)
	}
	b.known.Add(o, found.Managed)
	return found.Managed, nil
}

// gone lets an organization that is deleted pass, which has no backend any more: what its
// requests come to says so (Explained).
func (b Bound) gone(ctx context.Context, id org.ID) (bool, error) {
	o, err := b.backends.OrganizationByID(ctx, id)
	switch {
	case errors.Is(err, registry.ErrNotFound), err == nil && (o.State == org.Deleting || o.State == org.Deleted):
		return true, nil
	case err != nil:
		return false, asking(err)
	}
	return false, cas.Problem(session.ErrNoBackend)
}

func asking(err error) error {
	return problem.Wrap(fmt.Errorf("looking whose a storage backend is: %w", err), problem.Unavailable, "the database does not answer", "try again in a moment")
}
