package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// Memory is what cycles and deep looks leave to later ones, in whichever process.
type Memory interface {
	// Seen returns what is remembered of the organizations from the first to the last id.
	Seen(ctx context.Context, first, last org.ID) (map[org.ID]registry.Seen, error)
	// Remember writes nothing when it is known already.
	Remember(ctx context.Context, id org.ID, seen registry.Seen) error
	Cycle(ctx context.Context) (registry.Cycle, error)
	SaveCycle(ctx context.Context, c registry.Cycle) error
	Orphans(ctx context.Context) ([]registry.Orphan, error)
	SaveOrphans(ctx context.Context, came, went []registry.Orphan) error
	// Now is the time by a clock that all processes share: the age of orphans is told by it.
	Now(ctx context.Context) (time.Time, error)
}

// Tally is what one cycle found.
type Tally struct {
	Organizations int // that are not deleted
	Due           int // for a deep look: not ready, or another one in a listing
	Glanced       int // whose turn it was
	Drifted       int // of these, not right
	Orphans       []registry.Orphan
	Took          time.Duration
}

// pageSize is how many organizations are read from the database together.
const pageSize = 500

// cycle compares what listings show of all organizations with what is remembered, and
// asks for a deep look at those that differ. It glances at a share of the others, for
// what no listing shows: the policy of an access point and its public access block.
func (r *Reconciler) cycle(ctx context.Context, baseRoleID string) (t Tally, err error) {
	began := time.Now()
	last, err := r.cfg.Memory.Cycle(ctx)
	if err != nil {
		return t, err
	}
	if last.BaseRoleID != baseRoleID { // first: the jobs are to find it
		last.BaseRoleID = baseRoleID
		if err := r.cfg.Memory.SaveCycle(ctx, last); err != nil {
			return t, err
		}
	}
	all, err := r.listAll(ctx)
	if err != nil {
		return t, fmt.Errorf("listing what there is in AWS: %w", err)
	}
	r.shared.mark(all, r.cfg.Installation)
	same, err := r.enqueueChanged(ctx, all, scheme(r.cfg.Installation, baseRoleID), &t)
	if err != nil {
		return t, err
	}
	next := last
	if t.Orphans, err = r.orphans(ctx, all, &next, t.Organizations); err != nil {
		return t, err
	}
	if next.After, err = r.glanceAround(ctx, same, last.After, &t); err != nil {
		return t, err
	}
	if next != last {
		err = r.cfg.Memory.SaveCycle(ctx, next)
	}
	t.Took = time.Since(began)
	return t, err
}

// enqueueChanged asks for a deep look at the organizations that are not as remembered,
// takes all of them out of what is listed, and returns the others.
func (r *Reconciler) enqueueChanged(ctx context.Context, all map[org.ID]listed, scheme string, t *Tally) (same []org.ID, err error) {
	for after := (org.ID{}); ; {
		page, err := r.cfg.Organizations.OrganizationsToReconcile(ctx, after, pageSize)
		if err != nil || len(page) == 0 {
			return same, err
		}
		after = page[len(page)-1].ID
		remembered, err := r.cfg.Memory.Seen(ctx, page[0].ID, after)
		if err != nil {
			return nil, err
		}
		due, others := compare(page, all, remembered, scheme)
		if err := r.cfg.Jobs.Look(ctx, due); err != nil {
			return nil, err
		}
		same = append(same, others...)
		t.Organizations += len(page)
		t.Due += len(due)
	}
}

// glanceAround glances at those whose turn it is, and returns where it stopped.
func (r *Reconciler) glanceAround(ctx context.Context, same []org.ID, after org.ID, t *Tally) (org.ID, error) {
	k, kept := share(len(same), r.cfg.Interval, r.cfg.DeepInterval)
	if !kept {
		r.cfg.Log.WarnContext(ctx, "there are too many organizations to read all of them deeply in deepInterval; raise it, or reconcileInterval",
			"organizations", len(same), "perCycle", k)
	}
	turns := turn(same, after, k)
	t.Glanced = len(turns)
	due, err := r.rotate(ctx, turns)
	if err := errors.Join(err, r.cfg.Jobs.Look(ctx, due)); err != nil {
		return after, err
	}
	t.Drifted = len(due)
	if len(turns) == len(same) { // everybody: the next may begin anywhere
		return after, nil
	}
	return turns[len(turns)-1], nil
}
