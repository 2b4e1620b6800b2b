// Package backlog holds what waits to be written in batches to something that may be
// away: bounded, in order, tried again until it succeeds.
package backlog

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Queue is what waits: any number of writers put into it, and one Run takes out.
type Queue[T any] struct {
	max  int
	wake chan struct{} // has something when there may be items

	mu       sync.Mutex
	items    []T
	reserved int // places that are promised to items that will come
}

// New returns a queue that holds most items, and places for them, together.
func New[T any](most int) *Queue[T] {
	return &Queue[T]{max: most, wake: make(chan struct{}, 1)}
}

// Push reports whether there was room.
func (q *Queue[T]) Push(item T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items)+q.reserved >= q.max {
		return false
	}
	q.add(item)
	return true
}

func (q *Queue[T]) add(item T) {
	q.items = append(q.items, item)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Reserve promises a place, and reports whether there is one. The promise ends with Fill
// or Release, of which one is called once.
func (q *Queue[T]) Reserve() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items)+q.reserved >= q.max {
		return false
	}
	q.reserved++
	return true
}

// Fill puts an item into a place that was promised.
func (q *Queue[T]) Fill(item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reserved--
	q.add(item)
}

// Insist puts an item in whether or not there is room: for few, at the end.
func (q *Queue[T]) Insist(item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(item)
}

// Release gives a place back.
func (q *Queue[T]) Release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reserved--
}

// First returns up to n items, which stay.
func (q *Queue[T]) First(n int) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items[:min(n, len(q.items))]
}

// Take takes all items out.
func (q *Queue[T]) Take() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.items
	q.items = nil
	return taken
}

// remove takes the first n items out.
func (q *Queue[T]) remove(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.items[:n])
	q.items = q.items[n:]
}

// Reserved is how many places are promised.
func (q *Queue[T]) Reserved() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.reserved
}

// Len is how many items wait.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// Writing says how batches are written. Every field but Gather and Failed is required.
type Writing struct {
	// Batch is how many items one has at most.
	Batch int
	// Gather is the pause between two batches, in which the next one becomes larger.
	Gather time.Duration
	// Attempt bounds one batch, and Drain what is written at the end.
	Attempt, Drain time.Duration
	// Retry is the first pause after a failure, doubled to at most a hundred times.
	Retry time.Duration
	// Failed is told of each failure, and how many items wait.
	Failed func(ctx context.Context, waiting int, err error)
}

// Run has do work on the queue, batch by batch, again and again on one that fails. After
// ctx has ended it goes on until the queue is empty, or for Drain, and returns how many
// items are left.
func Run[T any](ctx context.Context, w Writing, q *Queue[T], do func(context.Context, []T) error) (left int) {
	var end time.Time // of draining
	for failures := 0; ; {
		batch := q.First(w.Batch)
		if len(batch) == 0 {
			if ctx.Err() != nil {
				return 0
			}
			select {
			case <-q.wake:
			case <-ctx.Done():
			}
			continue
		}
		longest := w.Attempt
		if ctx.Err() != nil {
			if end.IsZero() {
				end = time.Now().Add(w.Drain)
			}
			if longest = time.Until(end); longest <= 0 {
				return q.Len()
			}
		}
		attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		err := do(attempt, batch)
		cancel()
		if err == nil {
			q.remove(len(batch))
			failures = 0
			w.gather(ctx)
			continue
		}
		failures++
		if w.Failed != nil {
			w.Failed(ctx, q.Len(), err)
		}
		w.pause(ctx, failures)
	}
}

func (w Writing) gather(ctx context.Context) {
	if w.Gather == 0 {
		return
	}
	timer := time.NewTimer(w.Gather)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pause waits before the next attempt, shorter when ctx ends meanwhile.
func (w Writing) pause(ctx context.Context, failures int) {
	longest := min(w.Retry<<min(failures-1, 10), 100*w.Retry)
	timer := time.NewTimer(longest/2 + rand.N(longest/2+1))
	defer timer.Stop()
	if ctx.Err() != nil {
		timer.Reset(min(longest, w.Retry))
		<-timer.C
		return
	}
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
