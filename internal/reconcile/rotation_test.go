package reconcile_test

import (
	"slices"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
)

// The table of docs/reconciler.md.
func TestShareOfACycle(t *testing.T) {
	t.Parallel()
	const interval, deep = 5 * time.Minute, 48 * time.Hour
	for _, row := range []struct {
		n              int
		interval, deep time.Duration
		want           int
		kept           bool
	}{
		{0, interval, deep, 0, true},
		{1, interval, deep, 1, true},
		{400, interval, deep, 400, true},
		{401, interval, deep, 400, true},
		{1500, interval, deep, 107, true},
		{5000, interval, deep, 32, true},
		{10_000, interval, deep, 18, true},
		{100_000, interval, deep, 174, true},
		{1500, interval, interval, 1500, true},  // each cycle, as an operator may want
		{1501, interval, interval, 1500, false}, // which is as much as the rate has room for
		{1501, interval, time.Second, 1500, false},
		{1501, interval, 6 * time.Minute, 1251, true},
		{400, time.Second, deep, 5, true}, // an interval too short for all
		{3, time.Millisecond, deep, 1, true},
	} {
		if got, kept := reconcile.Share(row.n, row.interval, row.deep); got != row.want || kept != row.kept {
			t.Errorf("of %d every %s within %s: %d, %t; want %d, %t", row.n, row.interval, row.deep, got, kept, row.want, row.kept)
		}
	}
}

// Everybody has a turn, in as many cycles as it takes and no sooner again, whoever comes
// and goes meanwhile.
func TestTurnsAreEven(t *testing.T) {
	t.Parallel()
	var ids []org.ID
	for range 100 {
		ids = append(ids, org.NewID())
	}
	seen := map[org.ID]int{}
	var after org.ID
	for range 20 { // two rotations
		turns := reconcile.Turn(ids, after, 10)
		if len(turns) != 10 {
			t.Fatalf("%d turns", len(turns))
		}
		for _, id := range turns {
			seen[id]++
		}
		after = turns[9]
	}
	for _, id := range ids {
		if seen[id] != 2 {
			t.Errorf("%s had %d turns in two rotations", id, seen[id])
		}
	}
	slices.SortFunc(ids, org.ID.Compare)
	gone := ids[50] // where the rotation stopped
	if got := reconcile.Turn(slices.Delete(slices.Clone(ids), 50, 51), gone, 1); got[0] != ids[51] {
		t.Error("one that is gone takes its neighbour's turn along")
	}
	for k, want := range map[int]int{0: 0, 3: 3, 4: 3} {
		if got := reconcile.Turn(ids[:3:3], ids[1], k); len(got) != want || want > 0 && got[0] != ids[2] {
			t.Errorf("%d of three: %v", k, got)
		}
	}
	if got := reconcile.Turn(nil, gone, 5); len(got) != 0 {
		t.Errorf("of nobody: %v", got)
	}
}
