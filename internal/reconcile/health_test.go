package reconcile

import (
	"errors"
	"testing"
)

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
