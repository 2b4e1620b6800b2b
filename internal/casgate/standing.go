package casgate

import (
	"context"
	"errors"
	"io"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
)

// Store keeps artifacts, as the servers use it.
type Store interface {
	Put(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (created bool, err error)
	Offer(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (bool, error)
	GetRange(ctx context.Context, ref cas.Ref, want cas.Range) (*cas.Artifact, error)
	Stat(ctx context.Context, ref cas.Ref) (cas.Info, error)
}

// Organizations knows where organizations stand.
type Organizations interface {
	// OrganizationByID returns an organization, deleted ones too; registry.ErrNotFound
	// when there never was one.
	OrganizationByID(ctx context.Context, id org.ID) (org.Organization, error)
}

// reasonBackendInvalid is what the control plane says of such a storage backend, too:
// the stock client knows it (facts WIRE §7.1).
const reasonBackendInvalid = "CAS_BACKEND_ERROR_REASON_INVALID"

// Explained is a Store whose failures say whether waiting helps (DESIGN I12). What AWS
// denies or does not find looks alike while an organization is being set up, when it is
// gone, and when only an operator can repair it: its record tells. That is read after
// such a failure alone; a request that works asks no database.
type Explained struct {
	Store
	Organizations Organizations
}

// Put implements Store.
func (e Explained) Put(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (bool, error) {
	created, err := e.Store.Put(ctx, ref, length, body, label)
	return created, e.explain(ctx, ref.Org, err)
}

// Offer implements Store.
func (e Explained) Offer(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (bool, error) {
	created, err := e.Store.Offer(ctx, ref, length, body, label)
	return created, e.explain(ctx, ref.Org, err)
}

// GetRange implements Store.
func (e Explained) GetRange(ctx context.Context, ref cas.Ref, want cas.Range) (*cas.Artifact, error) {
	artifact, err := e.Store.GetRange(ctx, ref, want)
	return artifact, e.explain(ctx, ref.Org, err)
}

// Stat implements Store.
func (e Explained) Stat(ctx context.Context, ref cas.Ref) (cas.Info, error) {
	info, err := e.Store.Stat(ctx, ref)
	return info, e.explain(ctx, ref.Org, err)
}

// ofStanding are the failures that an organization's standing may explain.
var ofStanding = []error{
	registry.ErrNotFound, session.ErrCoordinates, cloud.ErrDenied, cloud.ErrExpired, cloud.ErrNotFound, cloud.ErrKeyUnusable,
}

func (e Explained) explain(ctx context.Context, id org.ID, err error) error {
	if err == nil {
		return nil
	}
	if ended := cut(ctx); ended != nil {
		return ended
	}
	// What a client is told is its own fault stays its own.
	if problem.KindOf(cas.Problem(err)) != problem.Unavailable || !isAny(err, ofStanding) {
		return err
	}
	o, unknown := e.Organizations.OrganizationByID(ctx, id)
	switch {
	case errors.Is(unknown, registry.ErrNotFound), unknown == nil && (o.State == org.Deleting || o.State == org.Deleted):
		return problem.Wrap(err, problem.Precondition, "the organization is deleted", "its artifacts are no longer served")
	case unknown == nil && o.State == org.Degraded:
		return problem.Wrap(err, problem.Denied, "the storage backend is not valid",
			"only the operator of the installation can repair it; organization describe shows when it is ready").WithReason(reasonBackendInvalid)
	}
	return err
}

func isAny(err error, targets []error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
