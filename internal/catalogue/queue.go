package catalogue

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// queue is what waits for the database: bounded, with any number of writers and one
// reader.
type queue[T any] struct {
	max  int
	wake chan struct{} // has something when there may be items

	mu    sync.Mutex
	items []T
}

func newQueue[T any](most int) *queue[T] {
	return &queue[T]{max: most, wake: make(chan struct{}, 1)}
}

// push reports whether there was room.
func (q *queue[T]) push(item T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) >= q.max {
		return false
	}
	q.items = append(q.items, item)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

// first returns up to n items, which stay.
func (q *queue[T]) first(n int) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items[:min(n, len(q.items))]
}

// remove takes the first n items out.
func (q *queue[T]) remove(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.items[:n])
	q.items = q.items[n:]
}

func (q *queue[T]) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// run has do work on the queue, batch by batch, again and again on one that fails. After
// ctx has ended it goes on until the queue is empty, or for Config.Drain, and returns how
// many items are left.
func run[T any](ctx context.Context, c *Catalogue, q *queue[T], do func(context.Context, []T) error) (left int) {
	var end time.Time // of draining
	for failures := 0; ; {
		batch := q.first(maxBatch)
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
		longest := c.cfg.Attempt
		if ctx.Err() != nil {
			if end.IsZero() {
				end = time.Now().Add(c.cfg.Drain)
			}
			if longest = time.Until(end); longest <= 0 {
				return q.length()
			}
		}
		attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		err := do(attempt, batch)
		cancel()
		if err == nil {
			q.remove(len(batch))
			failures = 0
			continue
		}
		failures++
		c.stats.failures.Add(1)
		c.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "the catalogue is behind", slog.Int("waiting", q.length()), slog.Any("error", err))
		c.pause(ctx, failures)
	}
}

// pause waits before the next attempt, shorter when ctx ends meanwhile.
func (c *Catalogue) pause(ctx context.Context, failures int) {
	longest := min(c.cfg.Retry<<min(failures-1, 10), 100*c.cfg.Retry)
	timer := time.NewTimer(longest/2 + rand.N(longest/2+1))
	defer timer.Stop()
	if ctx.Err() != nil {
		timer.Reset(min(longest, c.cfg.Retry))
		<-timer.C
		return
	}
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
