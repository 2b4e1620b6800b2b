package reconcile

import (
	"fmt"
	"sync"
)

// unhealthyAfter failures in a row the process reports that it needs attention: one
// organization's trouble is not the reconciler's, but nothing succeeding is.
const unhealthyAfter = 10

type health struct {
	mu       sync.Mutex
	failures int // in a row
	last     error
}

func (h *health) note(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.failures, h.last = 0, nil
		return
	}
	h.failures++
	h.last = err
}

func (h *health) inARow() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failures
}

// Health returns nil unless everything has failed for a while; then it says so, with
// the last failure.
func (r *Reconciler) Health() error {
	r.health.mu.Lock()
	defer r.health.mu.Unlock()
	if r.health.failures < unhealthyAfter {
		return nil
	}
	return fmt.Errorf("%d failures in a row, the last: %w", r.health.failures, r.health.last)
}
