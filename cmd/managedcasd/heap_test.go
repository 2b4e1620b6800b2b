package main

import "testing"

// The room is the same for every heap, between the one that an idle process has and the
// one of which it is leastPercent.
func TestHeapRoom(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: 1200, 1 << 20: 1200, 4 << 20: 300, 16 << 20: 75, 48 << 20: 25, 49 << 20: 25, 1 << 30: 25} {
		if got := percentFor(live); got != want {
			t.Errorf("%d MiB: %d %%, want %d %%", live>>20, got, want)
		}
	}
}
