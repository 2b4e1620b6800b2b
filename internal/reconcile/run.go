package reconcile

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/managedcas/managedcas/internal/org"
)

// concurrency is how many organizations a process has at a time: IAM takes few writes a
// second (facts AWS §5).
const concurrency = 4

// Run reconciles until ctx ends: organizations that are new or being deleted as soon as
// Jobs show them, all of them every interval. A failure is logged, counted by Health and
// tried again; it never ends Run.
func (r *Reconciler) Run(ctx context.Context) error {
	var loops errgroup.Group
	loops.Go(func() error { r.passes(ctx); return nil })
	loops.Go(func() error { r.rotate(ctx); return nil })
	loops.Go(func() error {
		return r.cfg.Jobs.Work(ctx, concurrency, func(ctx context.Context, id org.ID) error {
			err := r.Reconcile(ctx, id)
			r.report(ctx, "reconciling", err)
			return err
		})
	})
	return loops.Wait()
}

// passes has every organization visited, first at once (this may be a new version, which
// wants something else), then every interval, give or take a tenth, by whichever process
// comes first. A pass that could not start is not worth a whole interval.
func (r *Reconciler) passes(ctx context.Context) {
	for period := time.Duration(0); ; period = r.cfg.Interval * 8 / 10 {
		rest := time.Duration((0.9 + rand.Float64()/5) * float64(r.cfg.Interval))
		began := time.Now()
		err := r.pass(ctx, period)
		if r.metrics.cycled(began, err); err != nil {
			r.report(ctx, "starting a pass", err)
			rest = min(rest, 10*time.Second)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// pass asks for every organization. The base role is read anew first: if it was
// recreated, all access point policies are rewritten. So is the policy that they share.
func (r *Reconciler) pass(ctx context.Context, period time.Duration) error {
	if _, err := r.readRole(ctx); err != nil {
		return err
	}
	if err := r.shared.look(ctx, r.cfg); err != nil {
		return err
	}
	return r.cfg.Jobs.All(ctx, period)
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
