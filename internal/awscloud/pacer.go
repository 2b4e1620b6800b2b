package awscloud

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/managedcas/managedcas/internal/cloud"
)

// How a pacer gives way. AWS does not publish the rates of IAM and S3 Control (facts AWS
// §1.3, §5), and the account's other users change what is left of them: so the rate is
// found as TCP finds the bandwidth of a network, halved when AWS says that it was too
// much, and raised by a constant while it is not.
const (
	floorPart = 32 // of the configured rate: five times halved
	raisePart = 10 // of the configured rate, at each answer: ten good answers and it is back
)

// errTooBusy is a call that could not be let out before its deadline: it had no effect.
var errTooBusy = errors.New("this process calls the API as often as it may, and the call's time is up")

// pacer is the token bucket of one API. It is safe for concurrent use.
type pacer struct {
	configured cloud.Rate
	turn       chan struct{} // held by the one that waits for a token; the others queue

	mu      sync.Mutex
	limiter *rate.Limiter
	epoch   int // how often the rate was halved
}

func newPacer(r cloud.Rate) *pacer {
	return &pacer{
		configured: r,
		turn:       make(chan struct{}, 1),
		limiter:    rate.NewLimiter(rate.Limit(r.PerSecond), r.Burst),
	}
}

// wait returns when the next call may go out, with the epoch that its answer belongs to.
// Only one caller at a time holds a reservation, so that a rate which is halved meanwhile
// holds for all who wait behind it.
func (p *pacer) wait(ctx context.Context) (epoch int, err error) {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	defer func() { <-p.turn }()

	reservation, delay := p.reserve()
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < delay {
		reservation.Cancel()
		return 0, errTooBusy
	}
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			reservation.Cancel()
			return 0, context.Cause(ctx)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch, nil
}

// reserve takes a token and says when it is good. While the rate is reduced, up to a
// quarter more is waited: processes that were throttled together come back apart.
func (p *pacer) reserve() (*rate.Reservation, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	reservation := p.limiter.Reserve()
	delay := reservation.Delay()
	if delay > 0 && p.reduced() {
		delay += rand.N(delay/4 + 1)
	}
	return reservation, delay
}

// throttled halves the rate, once for all calls that were under way at the same time.
// Until it is back, no calls are saved up for a burst.
func (p *pacer) throttled(epoch int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if epoch != p.epoch {
		return
	}
	p.epoch++
	p.limiter.SetLimit(max(p.limiter.Limit()/2, p.floor()))
	p.limiter.SetBurst(1)
	p.limiter.Allow() // the next one waits, too
}

// answered raises the rate of a call that was not throttled.
func (p *pacer) answered(epoch int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if epoch != p.epoch || !p.reduced() {
		return
	}
	full := rate.Limit(p.configured.PerSecond)
	p.limiter.SetLimit(min(p.limiter.Limit()+full/raisePart, full))
	if !p.reduced() {
		p.limiter.SetBurst(p.configured.Burst)
	}
}

func (p *pacer) floor() rate.Limit { return rate.Limit(p.configured.PerSecond) / floorPart }

// reduced is asked with mu held.
func (p *pacer) reduced() bool { return p.limiter.Limit() < rate.Limit(p.configured.PerSecond) }

// current is the rate now, in calls per second.
func (p *pacer) current() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return float64(p.limiter.Limit())
}
