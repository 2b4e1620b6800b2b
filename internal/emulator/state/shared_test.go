package state_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

type shelf struct{ Books map[string]int }

const shelves state.Table[shelf] = "test/shelves"

// A value that was decoded once is not given out when another one is stored by now, nor
// one that was never committed.
func TestSharedIsWhatIsStored(t *testing.T) {
	t.Parallel()
	db := open(t)
	store := func(n int, then error) {
		t.Helper()
		if err := db.Update(func(tx state.Tx) error {
			if err := things.Put(tx, "a", thing{n}); err != nil {
				return err
			}
			if got, err := things.Shared(tx, "a"); err != nil || got.N != n {
				t.Errorf("within the transaction: %v %v, want %d", got, err, n)
			}
			return then
		}); !errors.Is(err, then) {
			t.Fatal(err)
		}
	}
	look := func(want int) {
		t.Helper()
		for range 2 {
			if err := db.View(func(tx state.Tx) error {
				got, err := things.Shared(tx, "a")
				if err == nil && got.N != want {
					t.Errorf("%d, want %d", got.N, want)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		}
	}
	store(1, nil)
	look(1)
	store(2, errors.New("abort"))
	look(1)
	store(3, nil)
	look(3)
	if err := db.Update(func(tx state.Tx) error { return things.Delete(tx, "a") }); err != nil {
		t.Fatal(err)
	}
	for _, table := range []state.Table[thing]{things, "test/none"} {
		if err := db.View(func(tx state.Tx) error {
			_, err := table.Shared(tx, "a")
			return err
		}); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("%s: %v", table, err)
		}
	}
}

// A reader of the old snapshot sees the old value while the new one is shared already.
func TestSharedKeepsToItsSnapshot(t *testing.T) {
	t.Parallel()
	db := open(t)
	put := func(n int) {
		if err := db.Update(func(tx state.Tx) error { return things.Put(tx, "a", thing{n}) }); err != nil {
			t.Error(err)
		}
	}
	shared := func(tx state.Tx) int {
		got, err := things.Shared(tx, "a")
		if err != nil {
			t.Error(err)
		}
		return got.N
	}
	put(1)
	_ = db.View(func(old state.Tx) error {
		put(2)
		_ = db.View(func(tx state.Tx) error {
			if n := shared(tx); n != 2 {
				t.Errorf("new snapshot: %d", n)
			}
			return nil
		})
		if n := shared(old); n != 1 {
			t.Errorf("old snapshot: %d", n)
		}
		return nil
	})
}

func TestCloseFindsAChangedSharedValue(t *testing.T) {
	t.Parallel()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx state.Tx) error {
		return shelves.Put(tx, "first", shelf{map[string]int{"dune": 1}})
	}); err != nil {
		t.Fatal(err)
	}
	_ = db.View(func(tx state.Tx) error {
		s, err := shelves.Shared(tx, "first")
		s.Books["emma"] = 1
		return err
	})
	if err := db.Close(); err == nil || !strings.Contains(err.Error(), `table test/shelves, key "first": a shared value was changed`) {
		t.Errorf("Close: %v", err)
	}
}
