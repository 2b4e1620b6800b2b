package state_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/managedcas/managedcas/internal/emulator/state"
)

type thing struct{ N int }

const things state.Table[thing] = "test/things"

func open(t *testing.T) *state.DB {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// TestAgreesWithAMap runs random transactions against a map.
func TestAgreesWithAMap(t *testing.T) {
	t.Parallel()
	db := open(t)
	tables := 0
	rapid.Check(t, func(t *rapid.T) {
		tables++
		table := state.Table[thing]("t" + strconv.Itoa(tables))
		model := map[string]thing{}
		key := rapid.StringMatching(`[a-c\x00/]{1,3}`)
		abort := errors.New("abort")
		for range rapid.IntRange(1, 5).Draw(t, "transactions") {
			type step struct {
				key    string
				value  int
				delete bool
			}
			var steps []step
			for range rapid.IntRange(0, 4).Draw(t, "steps") {
				steps = append(steps, step{key.Draw(t, "key"), rapid.Int().Draw(t, "value"), rapid.Bool().Draw(t, "delete")})
			}
			fails := rapid.Bool().Draw(t, "fails")
			err := db.Update(func(tx state.Tx) error {
				for _, s := range steps {
					if err := apply(table, tx, s.key, s.value, s.delete); err != nil {
						return err
					}
				}
				if fails {
					return abort
				}
				return nil
			})
			if fails != errors.Is(err, abort) {
				t.Fatalf("Update: %v", err)
			}
			for _, s := range steps {
				switch {
				case fails:
				case s.delete:
					delete(model, s.key)
				default:
					model[s.key] = thing{s.value}
				}
			}
		}
		got := map[string]thing{}
		last := ""
		err := db.View(func(tx state.Tx) error {
			return table.Scan(tx, "", func(key string, v thing) (bool, error) {
				if key <= last {
					t.Fatalf("scan gave %q after %q", key, last)
				}
				last, got[key] = key, v
				return true, nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(model, got); diff != "" {
			t.Error(diff)
		}
	})
}

func apply(table state.Table[thing], tx state.Tx, key string, value int, remove bool) error {
	if remove {
		return table.Delete(tx, key)
	}
	return table.Put(tx, key, thing{value})
}

func TestCountByPrefix(t *testing.T) {
	t.Parallel()
	db := open(t)
	if err := db.Update(func(tx state.Tx) error {
		if n := things.Count(tx, ""); n != 0 {
			t.Errorf("%d before there is a table", n)
		}
		for _, key := range []string{"a", "ab", "ac", "b"} {
			if err := things.Put(tx, key, thing{}); err != nil {
				return err
			}
		}
		for prefix, want := range map[string]int{"": 4, "a": 3, "ab": 1, "c": 0} {
			if n := things.Count(tx, prefix); n != want {
				t.Errorf("%q: %d, want %d", prefix, n, want)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestScanStartsAndStops(t *testing.T) {
	t.Parallel()
	db := open(t)
	if err := db.Update(func(tx state.Tx) error {
		for i, key := range []string{"a", "b", "c", "d"} {
			if err := things.Put(tx, key, thing{i}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var seen []string
	boom := errors.New("boom")
	err := db.View(func(tx state.Tx) error {
		if err := things.Scan(tx, "aa", func(key string, _ thing) (bool, error) {
			seen = append(seen, key)
			return key != "c", nil
		}); err != nil {
			return err
		}
		return things.Scan(tx, "", func(string, thing) (bool, error) { return true, boom })
	})
	if !errors.Is(err, boom) {
		t.Errorf("the callback's error became %v", err)
	}
	if diff := cmp.Diff([]string{"b", "c"}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	db := open(t)
	look := func(tx state.Tx) error {
		_, err := things.Get(tx, "nobody")
		return err
	}
	if err := db.View(look); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("no table: %v", err)
	}
	if err := db.Update(func(tx state.Tx) error { return things.Put(tx, "somebody", thing{1}) }); err != nil {
		t.Fatal(err)
	}
	if err := db.View(look); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("no key: %v", err)
	}
	if err := db.Update(func(tx state.Tx) error { return things.Put(tx, "", thing{1}) }); err == nil {
		t.Error("the empty key is stored")
	}
	if err := db.View(func(tx state.Tx) error { return things.Put(tx, "x", thing{}) }); err == nil {
		t.Error("a view writes")
	}
}

// TestAnotherTypeIsAnError: a record that this version cannot read must not come
// out as a zero value.
func TestAnotherTypeIsAnError(t *testing.T) {
	t.Parallel()
	db := open(t)
	if err := db.Update(func(tx state.Tx) error { return state.Table[string](things).Put(tx, "k", "text") }); err != nil {
		t.Fatal(err)
	}
	err := db.View(func(tx state.Tx) error {
		_, err := things.Get(tx, "k")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), string(things)) {
		t.Errorf("got %v", err)
	}
}

func TestSurvivesReopening(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	for i := range 3 {
		db, err := state.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx state.Tx) error {
			v, err := things.Get(tx, "counter")
			if err != nil && !errors.Is(err, state.ErrNotFound) {
				return err
			}
			if v.N != i {
				return fmt.Errorf("counter is %d, want %d", v.N, i)
			}
			return things.Put(tx, "counter", thing{v.N + 1})
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	db, err := state.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if again, err := state.Open(file); err == nil {
		t.Errorf("opened twice (closing: %v)", again.Close())
	} else if !strings.Contains(err.Error(), "another process") {
		t.Errorf("the error does not say why: %v", err)
	}
}

// TestFailuresStayAlone: what fails or panics among concurrent updates takes nothing
// else with it.
func TestFailuresStayAlone(t *testing.T) {
	t.Parallel()
	db := open(t)
	boom := errors.New("boom")
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			defer func() {
				if v := recover(); (v != nil) != (i%3 == 2) {
					t.Errorf("update %d: recovered %v", i, v)
				}
			}()
			err := db.Update(func(tx state.Tx) error {
				if err := things.Put(tx, strconv.Itoa(i), thing{i}); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return boom
				case 2:
					panic("boom")
				}
				return nil
			})
			if (i%3 == 1) != errors.Is(err, boom) {
				t.Errorf("update %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	err := db.View(func(tx state.Tx) error {
		for i := range 30 {
			if _, err := things.Get(tx, strconv.Itoa(i)); (err == nil) != (i%3 == 0) {
				t.Errorf("record %d: %v", i, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// BenchmarkUpdate measures one writer, who must not wait for others, and sixteen,
// who share fsyncs.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(strconv.Itoa(writers), func(b *testing.B) {
			db, err := state.Open(filepath.Join(b.TempDir(), "state.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := w; i < b.N; i += writers {
						if err := db.Update(func(tx state.Tx) error { return things.Put(tx, strconv.Itoa(i%1000), thing{i}) }); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestConcurrentUpdates: grouped commits lose nothing and mix nothing.
func TestConcurrentUpdates(t *testing.T) {
	t.Parallel()
	db := open(t)
	const writers, rounds = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for range rounds {
				err := db.Update(func(tx state.Tx) error {
					total, err := things.Get(tx, "total")
					if err != nil && !errors.Is(err, state.ErrNotFound) {
						return err
					}
					if err := things.Put(tx, "total", thing{total.N + 1}); err != nil {
						return err
					}
					return things.Put(tx, "writer/"+strconv.Itoa(w), thing{w})
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	err := db.View(func(tx state.Tx) error {
		total, err := things.Get(tx, "total")
		if total.N != writers*rounds {
			t.Errorf("total %d, want %d", total.N, writers*rounds)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
