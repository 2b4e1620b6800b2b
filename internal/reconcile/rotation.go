package reconcile

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/managedcas/managedcas/internal/org"
)

const (
	// lookRate is how many organizations a second are glanced at, two calls each: half
	// of what the default rates let a process read (docs/decisions/011).
	lookRate = 5
	// lookedAtAlways is how many organizations are all glanced at in every cycle. Of more,
	// the rotation is the square of how many times more, in cycles: 14 cycles with 1,500.
	lookedAtAlways = 400
	// glancing is how many are glanced at together.
	glancing = 4
)

// share returns how many of n organizations are glanced at in one cycle, so that all have
// been after deep, and whether the rate allows that.
func share(n int, interval, deep time.Duration) (k int, kept bool) {
	times := float64(n) / lookedAtAlways
	cycles := max(1, min(times*times, float64(deep)/float64(interval)))
	wanted := int(math.Ceil(float64(n) / cycles))
	most := max(1, int(lookRate*interval.Seconds()))
	return min(wanted, most), wanted <= most || float64(n)/float64(most) <= float64(deep)/float64(interval)
}

// turn returns the k ids that come after the given one, and after the last the first.
// Ids are random: whoever comes or goes, the turns of the others do not change.
func turn(ids []org.ID, after org.ID, k int) []org.ID {
	slices.SortFunc(ids, org.ID.Compare)
	k = min(k, len(ids))
	first, found := slices.BinarySearchFunc(ids, after, org.ID.Compare)
	if found {
		first++
	}
	rest := k - min(k, len(ids)-first)
	return append(slices.Clone(ids[first:first+k-rest]), ids[:rest]...)
}

// rotate glances at organizations, and returns those that are not right or could not be
// read. It changes nothing in AWS.
func (r *Reconciler) rotate(ctx context.Context, ids []org.ID) ([]org.ID, error) {
	pace := rate.NewLimiter(lookRate, lookRate)
	var mu sync.Mutex
	var due []org.ID
	var readers errgroup.Group
	readers.SetLimit(glancing)
	for _, id := range ids {
		if err := pace.Wait(ctx); err != nil {
			break
		}
		readers.Go(func() error {
			o, err := r.cfg.Organizations.OrganizationByID(ctx, id)
			if err != nil {
				return err
			}
			right, err := r.glance(ctx, o)
			switch {
			case right && err == nil || ctx.Err() != nil:
				return nil
			case err != nil:
				r.cfg.Log.WarnContext(ctx, "organization could not be read; a job looks again", "org", id, "error", err)
			default: // what differs, the job says that repairs it
				r.cfg.Log.WarnContext(ctx, "organization is not as it should be; a job repairs it", "org", id)
			}
			mu.Lock()
			defer mu.Unlock()
			due = append(due, id)
			return nil
		})
	}
	if err := readers.Wait(); err != nil {
		return due, err
	}
	return due, ctx.Err()
}
