package database

import (
	"reflect"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

func TestCyclesRemember(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx := t.Context()
		db := openTarget(t, target)
		o := newOrganization()
		if err := db.CreateOrganization(ctx, o); err != nil {
			t.Fatal(err)
		}
		for _, want := range []registry.Seen{{PolicyID: "ANPA1", PolicyVersion: "v1", PolicyUpdated: 1_790_000_000, Alias: "a", Scheme: "s"}, {PolicyID: "ANPA2"}} {
			if err := db.Remember(ctx, o.ID, want); err != nil {
				t.Fatal(err)
			}
			if got, err := db.Seen(ctx, o.ID, o.ID); err != nil || len(got) != 1 || got[o.ID] != want {
				t.Errorf("seen %v, %v; want %v", got, err, want)
			}
		}
		if got, err := db.Cycle(ctx); err != nil || got != (registry.Cycle{}) {
			t.Errorf("before the first cycle: %v, %v", got, err)
		}
		for _, want := range []registry.Cycle{{After: o.ID, Organizations: 7, BaseRoleID: "AROA1"}, {BaseRoleID: "AROA2"}} {
			if err := db.SaveCycle(ctx, want); err != nil {
				t.Fatal(err)
			}
			if got, err := db.Cycle(ctx); err != nil || got != want {
				t.Errorf("cycle %v, %v; want %v", got, err, want)
			}
		}
		if n, err := db.CountOrganizations(ctx); err != nil || n != 1 {
			t.Errorf("%d organizations, %v", n, err)
		}
	})
}

// TestWhatIsKnownIsNotWritten: a cycle over thousands of organizations that are as they
// were must not write a row for each.
func TestWhatIsKnownIsNotWritten(t *testing.T) {
	t.Parallel()
	db := openTarget(t, databasetest.Target(t, "sqlite"))
	o := newOrganization()
	if err := db.CreateOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	seen := registry.Seen{PolicyID: "ANPA1"}
	if err := db.Remember(t.Context(), o.ID, seen); err != nil {
		t.Fatal(err)
	}
	if _, err := db.write.NewRaw("CREATE TRIGGER read_only BEFORE UPDATE ON observations BEGIN SELECT RAISE(ABORT, 'written'); END").Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Remember(t.Context(), o.ID, seen); err != nil {
		t.Errorf("what is known: %v", err)
	}
	if err := db.Remember(t.Context(), o.ID, registry.Seen{PolicyID: "ANPA2"}); err == nil {
		t.Error("the trigger sees no write: this test cannot fail")
	}
}

// TestOrphansKeepTheirAge: seen again they are not younger.
func TestOrphansKeepTheirAge(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx := t.Context()
		db := openTarget(t, target)
		first := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		var many []registry.Orphan
		for range orphansAtOnce + 1 {
			many = append(many, registry.Orphan{Kind: registry.OrphanAccessPoint, Name: org.NewID().String(), FirstSeen: first})
		}
		old := registry.Orphan{Kind: registry.OrphanSessionPolicy, Name: many[0].Name, FirstSeen: first.Add(-time.Hour)}
		again := old
		again.FirstSeen = first
		for _, change := range []struct{ came, went []registry.Orphan }{{append(many, old), nil}, {[]registry.Orphan{again}, many}} {
			if err := db.SaveOrphans(ctx, change.came, change.went); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := db.Orphans(ctx); err != nil || !reflect.DeepEqual(got, []registry.Orphan{old}) {
			t.Errorf("orphans %v, %v; want %v", got, err, old)
		}
	})
}
