package rig

import (
	"context"
	"testing"
	"time"
)

// LongReuse is for Options.Reuse: as long as no test runs.
const LongReuse = 15 * time.Minute

// Eventually waits a minute at most for what must become true, by itself or by others.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
}
