package reconcile

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/org"
)

// Round observes an organization once, and does what is missing.
func (r *Reconciler) Round(ctx context.Context, id org.ID) error { return r.round(ctx, id, r.cfg.Log) }

// InModeSince makes the reconciler one that has been running since then.
func (r *Reconciler) InModeSince(t time.Time) { r.shared.since = t }

// Pass begins a pass.
func (r *Reconciler) Pass(ctx context.Context) error { return r.pass(ctx, 0) }
