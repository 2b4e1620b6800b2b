package reconcile

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// Round observes an organization once, and does what is missing.
func (r *Reconciler) Round(ctx context.Context, id org.ID) error {
	return r.round(ctx, id, r.cfg.Log, new(creation))
}

// Make takes room for a step as a plan does that is carried out.
func (q *Quotas) Make(step Step) {
	_, room, _ := q.book([]Step{step})
	defer room.close()
	room.made(step)
}

// InModeSince makes the reconciler one that has been running since then.
func (r *Reconciler) InModeSince(t time.Time) { r.shared.since = t }

// Pass begins a pass.
func (r *Reconciler) Pass(ctx context.Context) error { return r.pass(ctx, 0) }

// PassIfDue begins a pass if the last cycle, in any process, began at least a period ago.
func (r *Reconciler) PassIfDue(ctx context.Context, period time.Duration) error {
	return r.pass(ctx, period)
}

// Cycle makes a cycle, whosever turn it is.
func (r *Reconciler) Cycle(ctx context.Context) (Tally, error) {
	role, err := r.readRole(ctx)
	if err != nil {
		return Tally{}, err
	}
	return r.cycle(ctx, role.ID)
}

// The pure parts of a cycle.
var (
	Share   = share
	Turn    = turn
	Gather  = gather
	Compare = compare
	Scheme  = scheme
	SeenOf  = seenOf
)

// Looked is what a deep look sees: what is missing, and what is remembered of it.
func (r *Reconciler) Looked(ctx context.Context, o org.Organization) ([]Step, registry.Seen, error) {
	return r.look(ctx, o, r.observe)
}

// Failed counts a failure of a job.
func (r *Reconciler) Failed(ctx context.Context, err error) { r.report(ctx, "reconciling", err) }
