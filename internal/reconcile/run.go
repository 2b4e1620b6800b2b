package reconcile

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/managedcas/managedcas/internal/org"
)

// concurrency is how many organizations a process has at a time. How often AWS is called
// the rates decide (docs/decisions/011): most of a job's time is that of a probe's calls,
// some fifty one after the other, which none of the rates bounds.
const concurrency = 16

// Run reconciles until ctx ends: organizations that are new or being deleted as soon as
// Jobs show them, and those that a cycle finds changed. A failure is logged, counted by Health and
// tried again; it never ends Run.
func (r *Reconciler) Run(ctx context.Context) error {
	var loops errgroup.Group
	loops.Go(func() error { r.passes(ctx); return nil })
	loops.Go(func() error { r.probeAround(ctx); return nil })
	loops.Go(func() error {
		return r.cfg.Jobs.Work(ctx, concurrency, func(ctx context.Context, id org.ID) error {
			err := r.Reconcile(ctx, id)
			r.report(ctx, "reconciling", err)
			return err
		})
	})
	return loops.Wait()
}

// passes makes a cycle at once, for this may be a new version, which wants something else,
// then every interval, give or take a tenth, in whichever process comes first. A cycle that
// failed is not worth a whole interval.
func (r *Reconciler) passes(ctx context.Context) {
	period := time.Duration(0)
	for {
		rest := time.Duration((0.9 + rand.Float64()/5) * float64(r.cfg.Interval))
		err := r.pass(ctx, period)
		if err != nil {
			r.report(ctx, "making a cycle", err)
			period, rest = 0, min(rest, 10*time.Second)
		} else {
			r.report(ctx, "", nil) // AWS and the database answer, whatever one organization lacks
			period = r.cfg.Interval * 8 / 10
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// pass makes a cycle if it is this process's turn. The base role is read anew first: if it
// was recreated, all access point policies are rewritten. So is the policy that they share.
func (r *Reconciler) pass(ctx context.Context, period time.Duration) error {
	role, err := r.readRole(ctx)
	if err != nil {
		return err
	}
	if err := r.shared.look(ctx, r.cfg); err != nil {
		return err
	}
	if claimed, err := r.cfg.Jobs.Claim(ctx, period); err != nil || !claimed {
		return err
	}
	tally, err := r.cycle(ctx, role.ID)
	if err != nil {
		return err
	}
	r.cycles.made(tally)
	r.metrics.cycleEnded.SetToCurrentTime()
	r.cfg.Log.DebugContext(ctx, "cycle", "organizations", tally.Organizations, "due", tally.Due, "glanced", tally.Glanced,
		"drifted", tally.Drifted, "orphans", len(tally.Orphans), "took", tally.Took)
	return nil
}

// report counts an outcome for Health, and logs it if it is a failure that is not
// the end of the process.
func (r *Reconciler) report(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	if _, again := errors.AsType[*Again](err); again {
		err = nil
	}
	r.health.note(err)
	if err != nil {
		r.cfg.Log.ErrorContext(ctx, "reconciler failed; it will try again", "doing", what, "error", err)
	}
}
