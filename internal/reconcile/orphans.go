package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// orphans deals with what is left of the listings when all organizations that live are
// taken out. What belongs to one that is deleted is its own reconciliation's business;
// what belongs to nobody is an orphan, whose age is kept.
func (r *Reconciler) orphans(ctx context.Context, left map[org.ID]listed, c *registry.Cycle, living int) ([]registry.Orphan, error) {
	found, deleted, err := r.unclaimed(ctx, left)
	if err != nil {
		return nil, err
	}
	if err := r.cfg.Jobs.Look(ctx, deleted); err != nil {
		return nil, err
	}
	known, now, err := r.noted(ctx)
	if err != nil {
		return nil, err
	}
	all, came, went := age(found, known, now)
	if len(came)+len(went) > 0 {
		if err := r.cfg.Memory.SaveOrphans(ctx, came, went); err != nil {
			return nil, err
		}
	}
	for _, o := range came {
		r.cfg.Log.WarnContext(ctx, "found something in AWS whose organization nobody knows", "kind", o.Kind, "name", o.Name)
	}
	return r.collect(ctx, all, c, living, now)
}

// canaryLife is longer than a doctor's canary lives, unless the doctor was killed: then what
// it left is an orphan like others.
const canaryLife = time.Hour

// unclaimed tells what belongs to nobody from what belongs to an organization that is
// deleted: an access point is no orphan as long as its organization is remembered.
func (r *Reconciler) unclaimed(ctx context.Context, left map[org.ID]listed) (orphans []registry.Orphan, deleted []org.ID, err error) {
	for id, l := range left {
		if made, canary := id.Canary(); canary && time.Since(made) < canaryLife {
			continue // the doctor is using it, and takes it away
		}
		_, err := r.cfg.Organizations.OrganizationByID(ctx, id)
		switch {
		case err == nil:
			deleted = append(deleted, id)
			continue
		case !errors.Is(err, registry.ErrNotFound):
			return nil, nil, err
		}
		tenant := r.cfg.Installation.Tenant(id)
		if l.point { // before the policy: living sessions reach something through it
			orphans = append(orphans, registry.Orphan{Kind: registry.OrphanAccessPoint, Name: tenant.APName()})
		}
		if l.policy {
			orphans = append(orphans, registry.Orphan{Kind: registry.OrphanSessionPolicy, Name: tenant.SessionPolicyName()})
		}
	}
	return orphans, deleted, nil
}

// noted are the orphans that cycles have seen, and the time that their age is told by.
func (r *Reconciler) noted(ctx context.Context) (known []registry.Orphan, now time.Time, err error) {
	if known, err = r.cfg.Memory.Orphans(ctx); err == nil {
		now, err = r.cfg.Memory.Now(ctx)
	}
	return known, now, err
}

// age gives orphans the time when they were first seen, oldest first, and returns which
// of them are new and which that were known are gone.
func age(found, known []registry.Orphan, now time.Time) (all, came, went []registry.Orphan) {
	type name struct{ kind, name string }
	since := map[name]registry.Orphan{}
	for _, o := range known {
		since[name{o.Kind, o.Name}] = o
	}
	for _, o := range found {
		before, ok := since[name{o.Kind, o.Name}]
		if !ok {
			before = registry.Orphan{Kind: o.Kind, Name: o.Name, FirstSeen: now}
			came = append(came, before)
		}
		delete(since, name{o.Kind, o.Name})
		all = append(all, before)
	}
	for _, o := range since {
		went = append(went, o)
	}
	slices.SortFunc(all, func(a, b registry.Orphan) int {
		if c := a.FirstSeen.Compare(b.FirstSeen); c != 0 {
			return c
		}
		return strings.Compare(a.Kind+a.Name, b.Kind+b.Name)
	})
	return all, came, went
}

// Orphans reads what is in AWS without an organization, with its age as far as cycles
// have noted it; what they have not is new. It changes nothing.
func (r *Reconciler) Orphans(ctx context.Context) ([]registry.Orphan, error) {
	all, err := r.listAll(ctx)
	if err != nil {
		return nil, err
	}
	found, _, err := r.unclaimed(ctx, all)
	if err != nil {
		return nil, err
	}
	known, now, err := r.noted(ctx)
	if err != nil {
		return nil, err
	}
	aged, _, _ := age(found, known, now)
	return aged, nil
}
