package reconcile

import (
	"context"

	"github.com/managedcas/managedcas/internal/org"
)

// Round observes an organization once, and does what is missing.
func (r *Reconciler) Round(ctx context.Context, id org.ID) error { return r.round(ctx, id, r.cfg.Log) }
