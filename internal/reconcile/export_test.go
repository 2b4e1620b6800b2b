package reconcile

import (
	"context"

	"github.com/managedcas/managedcas/internal/org"
)

// Round observes an organization once, and does what is missing.
func (r *Reconciler) Round(ctx context.Context, id org.ID) error { return r.round(ctx, id, r.cfg.Log) }

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
