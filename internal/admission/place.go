package admission

import (
	"context"
	"sync"

	"golang.org/x/time/rate"

	"github.com/managedcas/managedcas/internal/org"
)

// Place is one admitted transfer.
type Place struct {
	leave func()
	rate  *rate.Limiter // of its organization; nil: no bound
}

func (a *Admission) place(id org.ID) *Place {
	return &Place{rate: a.rate(id), leave: sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.leave(id)
	})}
}

// Leave gives the place back. Leaving twice is leaving once.
func (p *Place) Leave() { p.leave() }

// Spend waits until the organization may have moved another n bytes, and shares what
// there is in the order in which its transfers ask.
func (p *Place) Spend(ctx context.Context, n int) error {
	if p.rate == nil {
		return nil
	}
	for n > 0 {
		some := min(n, p.rate.Burst())
		if err := p.rate.WaitN(ctx, some); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return errTooSlow(err) // its deadline would come first
		}
		n -= some
	}
	return nil
}

// rate returns the organization's token bucket. It holds one second: what an idle
// organization may send at once.
func (a *Admission) rate(id org.ID) *rate.Limiter {
	if a.limits.BytesPerSecond == 0 {
		return nil
	}
	fresh := rate.NewLimiter(rate.Limit(a.limits.BytesPerSecond), int(a.limits.BytesPerSecond))
	if known, ok, _ := a.rates.PeekOrAdd(id, fresh); ok {
		a.rates.Get(id) // it is in use
		return known
	}
	return fresh
}
