package reconcile

import (
	"context"
	"encoding/json"

	"github.com/managedcas/managedcas/internal/org"
)

// creation is what one reconciliation knows of an organization without reading AWS: that
// a new one has nothing, and then what AWS answered when it was made
// (docs/decisions/015-creation.md).
type creation struct {
	tried bool      // taking it that there is nothing; whatever came of that
	blank bool      // this round does so
	made  *Observed // by AWS's answers; of the next round
}

// observe returns what is known without reading, and reads what is not.
func (c *creation) observe(ctx context.Context, r *Reconciler, o org.Organization, desired Desired) (seen Observed, err error) {
	made := c.made
	c.made, c.blank = nil, false
	switch {
	case desired.Gone:
		return r.observe(ctx, desired)
	case made != nil:
		seen = *made
	case c.tried:
		return r.observe(ctx, desired)
	default:
		c.tried = true
		if c.blank, err = r.untouched(ctx, o); err != nil {
			return Observed{}, err
		}
		if !c.blank {
			return r.observe(ctx, desired)
		}
	}
	seen.SharedPolicy, seen.Superseded, err = r.shared.observe(ctx, r.cfg)
	return seen, err
}

// untouched reports whether nobody has begun to make anything for the organization: that
// is reported first (changing). To be wrong costs one call. IAM and S3 refuse to create
// what exists, and the policy of an access point is put only by the round that created it.
func (r *Reconciler) untouched(ctx context.Context, o org.Organization) (bool, error) {
	if o.State != org.Pending || r.cfg.Standing == nil {
		return o.State == org.Pending, nil
	}
	known, err := r.cfg.Standing.Conditions(ctx, o.ID)
	return len(known) == 0, err
}

// take makes a step, and notes what there is according to the answer.
func (r *Reconciler) take(ctx context.Context, step Step, made *Observed) (err error) {
	switch s := step.(type) {
	case CreateSessionPolicy:
		if made.policy, err = s.create(ctx, r); err == nil {
			made.SessionPolicy, err = json.Marshal(s.Policy)
		}
		return err
	case CreateAccessPoint:
		ap, err := s.create(ctx, r)
		made.AccessPoint = &ap
		return err
	}
	if err := step.apply(ctx, r); err != nil {
		return err
	}
	switch s := step.(type) {
	case PutAccessPointPolicy:
		made.AccessPointPolicy, err = json.Marshal(s.Policy)
	case SaveSecret:
		made.Coordinates = &s.Coordinates
	case SaveBackend:
		made.Backend, made.BackendRecorded = true, true
	}
	return err
}
