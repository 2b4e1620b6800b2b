package reconcile_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/probe"
)

// meeting is a prober whose probes wait for each other.
type meeting struct {
	mu      sync.Mutex
	missing int
	all     chan struct{}
}

func (m *meeting) Probe(ctx context.Context, _ org.ID) probe.Result {
	m.mu.Lock()
	if m.missing--; m.missing == 0 {
		close(m.all)
	}
	m.mu.Unlock()
	select {
	case <-m.all:
		return good
	case <-ctx.Done():
		return unknown
	}
}

// A probe takes some fifty calls, one after the other: one process has as many
// organizations in hand as the rates of AWS let it make, not as few as wait for probes.
func TestSixteenProbesAtATime(t *testing.T) {
	t.Parallel()
	const atATime = 16
	w := newWorld(t)
	m := &meeting{missing: atATime, all: make(chan struct{})}
	for range atATime {
		w.organization(t)
	}
	start(t, w.prover(t, m, time.Hour, time.Millisecond))
	eventually(t, func() bool {
		select {
		case <-m.all:
			return true
		default:
			return false
		}
	})
}
