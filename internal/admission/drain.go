package admission

import "fmt"

// Drain lets nobody in any more, not even those who wait. The channel is closed when the
// last transfer has left.
func (a *Admission) Drain() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.draining {
		return a.idle
	}
	a.draining = true
	for id, t := range a.tenants {
		for _, w := range t.waiting {
			close(w.decided)
		}
		t.waiting = nil
		a.forget(id, t)
	}
	if a.active == 0 {
		close(a.idle)
	}
	return a.idle
}

// Open returns an error when Drain has been called: what readiness asks.
func (a *Admission) Open() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.draining {
		return fmt.Errorf("draining: %d transfers are left", a.active)
	}
	return nil
}
