package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/registry"
)

// Garbage says whether orphans are deleted. The zero value says no.
type Garbage struct {
	Enabled     bool
	Grace       time.Duration // how long something has been seen without an organization
	MaxPerCycle int
}

// collect deletes orphans that are old enough, if that is wanted and the database does not
// look wrong. It returns those that are left. A failure is logged; the next cycle tries
// again.
func (r *Reconciler) collect(ctx context.Context, orphans []registry.Orphan, c *registry.Cycle, living int, now time.Time) ([]registry.Orphan, error) {
	ever, err := r.cfg.Organizations.CountOrganizations(ctx)
	if err != nil {
		return nil, err
	}
	if ever == 0 && c.Organizations == 0 && len(orphans) == 0 {
		return nil, nil // an installation that is new
	}
	if doubt := doubtful(ever, living, len(orphans), *c); doubt != "" {
		r.cfg.Log.ErrorContext(ctx, "the database looks wrong; no orphan is deleted", "why", doubt, "orphans", len(orphans))
		return orphans, nil
	}
	c.Organizations = ever
	if !r.cfg.Garbage.Enabled {
		return orphans, nil
	}
	var left []registry.Orphan
	// Only what is deleted counts: what is left to an operator, and is tried in vain in each
	// cycle, must not be in the way of the others. Where AWS is in trouble, it is enough.
	deleted, trouble := 0, false
	for _, o := range orphans {
		if trouble || deleted >= r.cfg.Garbage.MaxPerCycle || now.Sub(o.FirstSeen) < r.cfg.Garbage.Grace {
			left = append(left, o)
			continue
		}
		if err := r.deleteOrphan(ctx, o); err != nil {
			trouble = errors.Is(err, cloud.ErrThrottled) || errors.Is(err, cloud.ErrUnavailable) || ctx.Err() != nil
			r.cfg.Log.ErrorContext(ctx, "an orphan was not deleted", "kind", o.Kind, "name", o.Name, "error", err)
			left = append(left, o)
			continue
		}
		deleted++
		r.cycles.deleted(o.Kind)
		r.cfg.Log.WarnContext(ctx, "orphan deleted", "kind", o.Kind, "name", o.Name, "firstSeen", o.FirstSeen)
	}
	return left, nil
}

// doubtful says why a database may not be the one that the account belongs to, or be an
// old copy of it. Organizations that are deleted stay in it and count: a database that
// has lost a tenth of them has lost them otherwise.
func doubtful(ever, living, orphans int, last registry.Cycle) string {
	switch {
	case ever == 0:
		return "it has no organization"
	case ever*10 < last.Organizations*9:
		return fmt.Sprintf("it has %d organizations, deleted ones included, and had %d; if that is right, run: managedcasd reconcile --accept-count", ever, last.Organizations)
	case orphans > 2*living && orphans > 10: // an access point and a policy each
		return fmt.Sprintf("it knows %d organizations, and there are %d orphans", living, orphans)
	}
	return ""
}

// deleteOrphan looks again, at the organization and at the thing, and deletes the thing
// only if it is this installation's beyond doubt.
func (r *Reconciler) deleteOrphan(ctx context.Context, o registry.Orphan) error {
	in := r.cfg.Installation
	find := in.TenantOfAP
	if o.Kind == registry.OrphanSessionPolicy {
		find = in.TenantOfSessionPolicy
	}
	tenant, ok := find(o.Name)
	if !ok {
		return errors.New("its name is not of this installation")
	}
	if _, err := r.cfg.Organizations.OrganizationByID(ctx, tenant.ID()); !errors.Is(err, registry.ErrNotFound) {
		return errors.Join(errors.New("its organization is there"), err)
	}
	if o.Kind == registry.OrphanAccessPoint {
		ap, err := r.cfg.AccessPoints.AccessPoint(ctx, o.Name)
		switch {
		case err != nil:
			return err
		case ap.Bucket != in.BucketName:
			return fmt.Errorf("it belongs to bucket %s by now", ap.Bucket)
		}
		return r.cfg.AccessPoints.DeleteAccessPoint(ctx, o.Name)
	}
	// IAM has one name space for all Regions: the document says whose a policy is.
	_, text, err := r.cfg.Policies.Policy(ctx, tenant.SessionPolicyARN())
	switch {
	case err != nil:
		return err
	case !same(iam.KindSession, text, tenant.SessionPolicy()):
		return errors.New("it is not what this installation writes: look at it, and delete it by hand")
	}
	return r.cfg.Policies.DeletePolicy(ctx, tenant.SessionPolicyARN())
}

// AcceptCount makes the number of organizations that the database has the one that it
// should have: the operator knows why there are fewer than before.
func (r *Reconciler) AcceptCount(ctx context.Context) error {
	c, err := r.cfg.Memory.Cycle(ctx)
	if err != nil {
		return err
	}
	if c.Organizations, err = r.cfg.Organizations.CountOrganizations(ctx); err != nil {
		return err
	}
	return r.cfg.Memory.SaveCycle(ctx, c)
}
