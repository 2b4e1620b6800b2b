package casgate

import (
	"fmt"
	"sync"
	"time"

	"github.com/managedcas/managedcas/internal/problem"
)

// Pace is how slow a client may be. Only the time that it keeps the server waiting
// counts; what S3 takes, or the organization's bandwidth limit, does not.
type Pace struct {
	// Patience is how long a transfer may be behind BytesPerSecond. A transfer that stands
	// still altogether is ended earlier by the servers themselves.
	Patience time.Duration
	// BytesPerSecond is the floor: each byte that moves earns its share of a second, up to
	// Patience.
	BytesPerSecond int64
	// Longest is how long any transfer may take, in all.
	Longest time.Duration
}

func (p Pace) tooLong() error {
	return problem.New(problem.Deadline, "the transfer took too long", fmt.Sprintf("it may take %s; use a faster connection", p.Longest))
}

func (p Pace) tooSlow() error {
	return problem.New(problem.Deadline, "the transfer is too slow",
		fmt.Sprintf("move at least %d bytes per second; use a faster connection", p.BytesPerSecond))
}

func (p Pace) start() pacer { return pacer{pace: p, left: p.Patience} }

// pacer is the patience that is left with one client.
type pacer struct {
	pace Pace

	mu   sync.Mutex
	left time.Duration
}

func (p *pacer) moved(n int, waited time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	earned := time.Duration(float64(n) / float64(p.pace.BytesPerSecond) * float64(time.Second))
	p.left = min(p.left-waited+earned, p.pace.Patience)
	if p.left < 0 {
		return p.pace.tooSlow()
	}
	return nil
}
