package reconcile

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Observed is what an organization has. A nil field is absent.
type Observed struct {
	SessionPolicy     []byte // the organization's own: default version, JSON
	policy            cloud.Policy
	SharedPolicy      []byte // read once a pass, when there is to be one
	Superseded        bool   // nobody uses session policies of another mode any more
	AccessPoint       *cloud.AccessPoint
	AccessPointPolicy []byte               // JSON
	Coordinates       *tenancy.Coordinates // zero when something is there, or may be, and cannot be read
	// Backend: the managed storage backend is recorded as valid, and it or another one is
	// the default, without which nothing can be stored.
	Backend bool
	// BackendRecorded: it is recorded, whatever its status.
	BackendRecorded bool
	// Retained: what becomes of the objects is recorded. Of a deleted organization only.
	Retained bool
}

func (r *Reconciler) observe(ctx context.Context, desired Desired) (seen Observed, err error) {
	policy, text, err := r.cfg.Policies.Policy(ctx, desired.Tenant.SessionPolicyARN())
	if seen.SessionPolicy, err = present(text, err); err != nil {
		return Observed{}, err
	}
	seen.policy = policy
	err = r.observeRest(ctx, desired, &seen)
	return seen, err
}

// observeRest reads everything but the session policy.
func (r *Reconciler) observeRest(ctx context.Context, desired Desired, seen *Observed) (err error) {
	t := desired.Tenant
	if seen.SharedPolicy, seen.Superseded, err = r.shared.observe(ctx, r.cfg); err != nil {
		return err
	}
	ap, err := r.cfg.AccessPoints.AccessPoint(ctx, t.APName())
	switch {
	case err == nil:
		seen.AccessPoint = &ap
		if seen.AccessPointPolicy, err = present(r.cfg.AccessPoints.AccessPointPolicy(ctx, t.APName())); err != nil {
			return err
		}
	case !errors.Is(err, cloud.ErrNotFound):
		return err
	}
	seen.Coordinates = r.coordinates(ctx, t)
	backends, err := r.cfg.Organizations.Backends(ctx, t.ID())
	hasDefault := slices.ContainsFunc(backends, func(b registry.Backend) bool { return b.Default })
	for _, b := range backends {
		seen.Backend = seen.Backend || b.Managed && b.Status == registry.BackendValid && hasDefault
		seen.BackendRecorded = seen.BackendRecorded || b.Managed
	}
	if err != nil || !desired.Gone {
		return err
	}
	seen.Retained, err = r.retained(ctx, t)
	return err
}

func (r *Reconciler) retained(ctx context.Context, t tenancy.Tenant) (bool, error) {
	_, err := r.cfg.Organizations.Deletion(ctx, t.ID())
	if errors.Is(err, registry.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// coordinates returns nil when there are none. What cannot be read is nobody's: it is
// written anew, or deleted with its organization. A store that is down will refuse that
// as well, after the steps that do not need it.
func (r *Reconciler) coordinates(ctx context.Context, t tenancy.Tenant) *tenancy.Coordinates {
	stored, err := r.cfg.Secrets.Coordinates(ctx, t.ID())
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return nil
	case err != nil:
		r.cfg.Log.WarnContext(ctx, "stored coordinates cannot be read", "org", t.ID(), "error", err)
		return &tenancy.Coordinates{}
	}
	return &stored
}

// present turns cloud.ErrNotFound into nil.
func present(document []byte, err error) ([]byte, error) {
	if errors.Is(err, cloud.ErrNotFound) {
		return nil, nil
	}
	return document, err
}

// same compares what a policy text means with what it should mean. A text that this
// project cannot read is somebody else's work, and different.
func same(kind iam.Kind, text []byte, want *iam.Document) bool {
	have, err := iam.Parse(kind, text)
	return err == nil && bytes.Equal(have.Canonical(), want.Canonical())
}
