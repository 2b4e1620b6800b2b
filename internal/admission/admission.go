// Package admission decides who may transfer how much at once.
//
// Invariants:
//   - An organization has at most Limits.PerOrganization transfers at a time, and all of
//     them together at most Limits.Transfers.
//   - A free place goes to the waiting organization that has the fewest, whoever asked
//     first and however many of its clients wait: no organization starves another.
//   - Who is not let in is told so within Limits.Wait, by a problem that says whose turn
//     it is (DESIGN I12). All of them are Unavailable, none is Exhausted: a place becomes
//     free without the client changing anything.
package admission

import (
	"context"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/managedcas/managedcas/internal/org"
)

// Limits are what New needs. The zero value of a field is said with it.
type Limits struct {
	Transfers       int // at a time, of all organizations; at least 1
	PerOrganization int // at a time, of one; at least 1
	// Waiting is how many requests of one organization may wait for a place; 0: none.
	Waiting int
	// Wait is how long each of them may; 0: not at all.
	Wait time.Duration
	// BytesPerSecond bounds what one organization moves, both ways together; 0: no bound.
	// At least MinBytesPerSecond.
	BytesPerSecond int64
	// MemoryBytes is the heap above which nobody new is let in; 0: no bound.
	MemoryBytes uint64
	// Heap is how large the heap is; nil: as the runtime says.
	Heap func() uint64
}

// rememberedRates bounds the number of organizations whose bandwidth is remembered
// after their last transfer: about 1 MB.
const rememberedRates = 10_000

// Admission lets transfers in. It is safe for concurrent use.
type Admission struct {
	limits Limits
	rates  *lru.Cache[org.ID, *rate.Limiter]

	mu       sync.Mutex
	active   int
	tenants  map[org.ID]*tenant // those with transfers or waiting requests
	draining bool
	arrivals uint64
	idle     chan struct{} // closed when draining and nobody is inside
}

// tenant is one organization as admission sees it.
type tenant struct {
	active  int
	waiting []*waiter // in the order of arrival
}

type waiter struct {
	arrival uint64
	decided chan struct{} // closed by whoever sets let or refused
	let     bool
}

// New returns an Admission within limits.
func New(limits Limits) (*Admission, error) {
	if err := limits.check(); err != nil {
		return nil, err
	}
	if limits.Heap == nil {
		limits.Heap = heap
	}
	rates, err := lru.New[org.ID, *rate.Limiter](rememberedRates)
	if err != nil {
		return nil, err
	}
	return &Admission{limits: limits, rates: rates, tenants: map[org.ID]*tenant{}, idle: make(chan struct{})}, nil
}

// Enter waits for a place for one transfer of the organization. Leave the Place when it
// is over.
func (a *Admission) Enter(ctx context.Context, id org.ID) (*Place, error) {
	if a.limits.MemoryBytes > 0 && a.limits.Heap() > a.limits.MemoryBytes {
		return nil, errMemory()
	}
	a.mu.Lock()
	t := a.tenant(id)
	switch {
	case a.draining:
		a.forget(id, t)
		a.mu.Unlock()
		return nil, ErrDraining()
	case a.active < a.limits.Transfers && t.active < a.limits.PerOrganization && len(t.waiting) == 0:
		a.take(t)
		a.mu.Unlock()
		return a.place(id), nil
	case len(t.waiting) >= a.limits.Waiting:
		err := a.full(t)
		a.forget(id, t)
		a.mu.Unlock()
		return nil, err
	}
	a.arrivals++
	w := &waiter{arrival: a.arrivals, decided: make(chan struct{})}
	t.waiting = append(t.waiting, w)
	a.mu.Unlock()
	return a.await(ctx, id, t, w)
}

// await waits until w is decided, or takes it back.
func (a *Admission) await(ctx context.Context, id org.ID, t *tenant, w *waiter) (*Place, error) {
	patience := time.NewTimer(a.limits.Wait)
	defer patience.Stop()
	var gaveUp error
	select {
	case <-w.decided:
	case <-patience.C:
	case <-ctx.Done():
		gaveUp = context.Cause(ctx)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case w.let && gaveUp != nil:
		a.leave(id)
		return nil, gaveUp
	case w.let:
		return a.place(id), nil
	case a.draining:
		return nil, ErrDraining()
	}
	err := gaveUp
	if err == nil {
		err = a.full(t)
	}
	t.waiting = slices.DeleteFunc(t.waiting, func(other *waiter) bool { return other == w })
	a.forget(id, t)
	return nil, err
}

// leave gives a place back and hands out what is free. The caller has the lock.
func (a *Admission) leave(id org.ID) {
	t := a.tenants[id]
	t.active--
	a.active--
	a.forget(id, t)
	for a.active < a.limits.Transfers {
		next := a.next()
		if next == nil {
			break
		}
		w := next.waiting[0]
		next.waiting = next.waiting[1:]
		a.take(next)
		w.let = true
		close(w.decided)
	}
	if a.draining && a.active == 0 {
		close(a.idle)
	}
}

// next is the organization whose turn it is: of those that wait and may have more, one
// with the fewest transfers; of several, the one that has waited longest.
func (a *Admission) next() *tenant {
	var best *tenant
	for _, t := range a.tenants {
		switch {
		case len(t.waiting) == 0 || t.active >= a.limits.PerOrganization:
		case best == nil, t.active < best.active,
			t.active == best.active && t.waiting[0].arrival < best.waiting[0].arrival:
			best = t
		}
	}
	return best
}

func (a *Admission) take(t *tenant) {
	t.active++
	a.active++
}

func (a *Admission) tenant(id org.ID) *tenant {
	t, ok := a.tenants[id]
	if !ok {
		t = &tenant{}
		a.tenants[id] = t
	}
	return t
}

// forget drops a tenant that has nothing here any more.
func (a *Admission) forget(id org.ID, t *tenant) {
	if t.active == 0 && len(t.waiting) == 0 {
		delete(a.tenants, id)
	}
}
