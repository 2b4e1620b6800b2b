package reconcile

import (
	"errors"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/org"
)

func TestQueueRestsAfterFailures(t *testing.T) {
	t.Parallel()
	var q queue
	id, now := org.NewID(), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	if !q.claim(id, now) || q.claim(id, now) {
		t.Fatal("one worker at a time")
	}
	if !q.claim(org.NewID(), now) {
		t.Fatal("organizations do not wait for each other")
	}
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		q.release(id, true, now)
		rest := want * time.Second
		if q.claim(id, now.Add(rest-1)) {
			t.Errorf("failure %d: tried again before %s", n, rest)
		}
		now = now.Add(rest)
		if !q.claim(id, now) {
			t.Errorf("failure %d: not tried again after %s", n, rest)
		}
	}
	q.release(id, false, now)
	if !q.claim(id, now) {
		t.Error("rests after a success")
	}
}

func TestHealthCountsFailuresInARow(t *testing.T) {
	t.Parallel()
	r := New(Config{})
	broken := errors.New("broken")
	for range unhealthyAfter - 1 {
		r.health.note(broken)
	}
	r.health.note(nil)
	for range unhealthyAfter - 1 {
		r.health.note(broken)
	}
	if err := r.Health(); err != nil {
		t.Errorf("unhealthy before %d in a row: %v", unhealthyAfter, err)
	}
	r.health.note(broken)
	if err := r.Health(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
