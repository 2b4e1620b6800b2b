package reconcile

import (
	"sync"
	"time"

	"github.com/managedcas/managedcas/internal/org"
)

const (
	minDelay = time.Second
	maxDelay = time.Minute
)

// queue remembers which organizations are being worked on, and which have failed and
// when they may be tried again. What it knows is a courtesy to AWS and is lost with
// the process; the database is the truth. The zero queue is ready.
type queue struct {
	mu    sync.Mutex
	items map[org.ID]item
}

type item struct {
	working bool
	delay   time.Duration // 0: the last try succeeded
	next    time.Time
}

// claim reports whether id may be worked on now; if so, release it afterwards.
func (q *queue) claim(id org.ID, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.items[id]
	if it.working || now.Before(it.next) {
		return false
	}
	if q.items == nil {
		q.items = map[org.ID]item{}
	}
	it.working = true
	q.items[id] = it
	return true
}

// release ends the work on id. After a failure it rests, twice as long each time.
func (q *queue) release(id org.ID, failed bool, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !failed {
		delete(q.items, id)
		return
	}
	delay := min(max(2*q.items[id].delay, minDelay), maxDelay)
	q.items[id] = item{delay: delay, next: now.Add(delay)}
}
