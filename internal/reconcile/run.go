package reconcile

import (
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/managedcas/managedcas/internal/org"
)

const (
	concurrency  = 4 // organizations at a time: IAM takes few writes a second (facts AWS §5)
	pollInterval = 250 * time.Millisecond
	pageSize     = 200
)

// Run reconciles until ctx ends: organizations that are new or being deleted as soon
// as the database or Poke shows them, all of them every interval. A failure is
// logged, counted by Health and tried again; it never ends Run.
func (r *Reconciler) Run(ctx context.Context) error {
	var work errgroup.Group // its errors are logged where they happen
	work.SetLimit(concurrency)

	var loops errgroup.Group
	loops.Go(func() error { r.watch(ctx, &work); return nil })
	loops.Go(func() error { r.passes(ctx, &work); return nil })
	_ = loops.Wait()
	_ = work.Wait()
	return nil
}

// Poke has new organizations looked for at once. It never blocks.
func (r *Reconciler) Poke() {
	select {
	case r.poked <- struct{}{}:
	default: // the one that waits will see this one's work, too
	}
}

// watch looks for what is new, often: the query costs an index lookup.
func (r *Reconciler) watch(ctx context.Context, work *errgroup.Group) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if err := r.sweep(ctx, work, org.Pending, org.Deleting); err != nil {
			r.report(ctx, "looking for new organizations", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.poked:
		}
	}
}

// passes visits every organization, first at once, then every interval, give or take
// a tenth: processes that started together drift apart. A pass that could not start
// is not worth a whole interval.
func (r *Reconciler) passes(ctx context.Context, work *errgroup.Group) {
	for {
		rest := time.Duration((0.9 + rand.Float64()/5) * float64(r.cfg.Interval))
		if err := r.pass(ctx, work); err != nil {
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

// pass hands out every organization. The base role is read anew first: if it was
// recreated, all access point policies are rewritten.
func (r *Reconciler) pass(ctx context.Context, work *errgroup.Group) error {
	if _, err := r.readRole(ctx); err != nil {
		return err
	}
	return r.sweep(ctx, work)
}

// sweep hands every organization in the given states (none: all) to a worker, unless
// it is being worked on or failed a moment ago. It waits for free workers, not for
// their results: one slow organization holds up nobody.
func (r *Reconciler) sweep(ctx context.Context, work *errgroup.Group, states ...org.State) error {
	var after org.ID
	for ctx.Err() == nil {
		page, err := r.cfg.Organizations.OrganizationsToReconcile(ctx, after, pageSize, states...)
		if err != nil {
			return err
		}
		for _, o := range page {
			after = o.ID
			if ctx.Err() != nil || !r.queue.claim(o.ID, time.Now()) {
				continue
			}
			work.Go(func() error {
				err := r.Reconcile(ctx, o.ID)
				r.queue.release(o.ID, err != nil, time.Now())
				r.report(ctx, "reconciling", err)
				return nil
			})
		}
		if len(page) < pageSize {
			return nil
		}
	}
	return nil
}

// report counts an outcome for Health, and logs it if it is a failure that is not
// the end of the process.
func (r *Reconciler) report(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	r.health.note(err)
	if err != nil {
		r.cfg.Log.ErrorContext(ctx, "reconciler failed; it will try again", "doing", what, "error", err)
	}
}
