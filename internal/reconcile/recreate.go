package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/org"
)

// PlanAnew is Plan, but where an access point is not what it should be and AWS lets nobody
// change it, the plan deletes it and creates another.
func (r *Reconciler) PlanAnew(ctx context.Context, o org.Organization) ([]Step, error) {
	plan, err := r.Plan(ctx, o)
	if _, beyond := errors.AsType[*BeyondRepair](err); !beyond {
		return plan, err
	}
	role, err := r.role(ctx)
	if err != nil {
		return nil, err
	}
	desired := Desire(r.cfg.Installation, o, role.ID)
	observed, err := r.observe(ctx, desired)
	if err != nil {
		return nil, err
	}
	observed.AccessPoint, observed.AccessPointPolicy = nil, nil
	rest, err := Difference(desired, observed)
	return append([]Step{DeleteAccessPoint{Name: desired.Tenant.APName()}}, rest...), err
}

// Recreate deletes the organization's access point if it is beyond repair, whosever it is,
// and reconciles. Objects stay in their bucket; whoever used the access point loses it.
// Nothing is deleted that there would be no room to make anew.
func (r *Reconciler) Recreate(ctx context.Context, o org.Organization) error {
	plan, err := r.PlanAnew(ctx, o)
	if err != nil {
		return err
	}
	if len(plan) > 0 {
		if remove, ok := plan[0].(DeleteAccessPoint); ok && !gone(o) {
			if err := r.cfg.Quotas.Room(plan); err != nil {
				return err
			}
			r.cfg.Log.WarnContext(ctx, "deleting an access point that is beyond repair, as the operator asked", "org", o.ID, "name", remove.Name)
			if err := remove.apply(ctx, r); err != nil {
				return fmt.Errorf("%s: %w", remove, err)
			}
			r.cfg.Quotas.done(remove)
		}
	}
	return r.Reconcile(ctx, o.ID)
}
