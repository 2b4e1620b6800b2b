package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// orphan makes what an organization that nobody knows would have.
func (w *world) orphan(t *testing.T) tenancy.Tenant {
	t.Helper()
	tenant := w.in.Tenant(org.NewID())
	if _, err := w.root.CreateAccessPoint(t.Context(), tenant.APName(), w.in.BucketName); err != nil {
		t.Fatal(err)
	}
	if _, err := w.root.CreatePolicy(t.Context(), tenant.SessionPolicyName(), "", tenant.SessionPolicy()); err != nil {
		t.Fatal(err)
	}
	return tenant
}

// A doctor's canary is no orphan while the doctor may be using it.
func TestCanariesAreLeftToTheDoctor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler(t, w.network)
	w.made(t, r, 1)
	for age, orphans := range map[time.Duration]int{59 * time.Minute: 0, 61 * time.Minute: 1} {
		tenant := w.in.Tenant(org.NewCanaryID(time.Now().Add(-age)))
		if _, err := w.root.CreateAccessPoint(t.Context(), tenant.APName(), w.in.BucketName); err != nil {
			t.Fatal(err)
		}
		if found := w.cycle(t, r).Orphans; len(found) != orphans {
			t.Errorf("a canary of %s: orphans %v", age, found)
		}
		if err := w.root.DeleteAccessPoint(t.Context(), tenant.APName()); err != nil {
			t.Fatal(err)
		}
	}
}

// exists reports what there is of a tenant.
func (w *world) exists(t *testing.T, tenant tenancy.Tenant) (point, policy bool) {
	t.Helper()
	_, noPoint := w.root.AccessPoint(t.Context(), tenant.APName())
	_, _, noPolicy := w.root.Policy(t.Context(), tenant.SessionPolicyARN())
	for _, err := range []error{noPoint, noPolicy} {
		if err != nil && !errors.Is(err, cloud.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return noPoint == nil, noPolicy == nil
}

func collecting(grace time.Duration, most int) func(*reconcile.Config) {
	return func(c *reconcile.Config) {
		c.Garbage = reconcile.Garbage{Enabled: true, Grace: grace, MaxPerCycle: most}
	}
}

// What nobody knows is reported with its age and left alone, and what only looks like it
// is not even reported.
func TestOrphansAreReported(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		w := newWorldOn(t, target)
		r := w.reconciler(t, w.network)
		w.made(t, r, 1)
		tenant := w.orphan(t)
		for _, name := range []string{"cas-eu-0f8fad5b-d9cb-469f-a165-70867728950e", "cas-backup", "cas-" + org.NewID().Compact()} {
			if _, err := w.root.CreateAccessPoint(t.Context(), name, w.in.BucketName); err != nil {
				t.Fatal(err)
			}
			if _, err := w.root.CreatePolicy(t.Context(), name, "", tenant.SessionPolicy()); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		first := w.cycle(t, r).Orphans
		if len(first) != 2 || first[0].Name != tenant.APName() || first[1].Name != tenant.SessionPolicyName() {
			t.Fatalf("orphans %v", first)
		}
		if age := first[0].FirstSeen.Sub(began); age < 0 || age > time.Minute {
			t.Errorf("first seen %s after it was", age)
		}
		// Of another process, and later, the age is the same.
		again, err := w.reconciler(t, w.network).Orphans(t.Context())
		if err != nil || len(again) != 2 || !again[0].FirstSeen.Equal(first[0].FirstSeen.Truncate(time.Microsecond)) {
			t.Errorf("again %v, %v; want %v", again, err, first)
		}
		if point, policy := w.exists(t, tenant); !point || !policy {
			t.Error("an orphan was deleted without being asked to")
		}
		if err := w.root.DeleteAccessPoint(t.Context(), tenant.APName()); err != nil {
			t.Fatal(err)
		}
		w.cycle(t, r)
		if known, err := w.db.Orphans(t.Context()); err != nil || len(known) != 1 {
			t.Errorf("one is gone, and known are %v, %v", known, err)
		}
	})
}

// Deleted are those that are old enough, a few in each cycle, with the access point first.
func TestOrphansAreDeletedWhenAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.made(t, w.reconciler(t, w.network), 1)
	tenant := w.orphan(t)
	if left := w.cycle(t, w.reconciler(t, w.network, collecting(time.Hour, 10))).Orphans; len(left) != 2 {
		t.Errorf("within the grace period: left %v", left)
	}
	r := w.reconciler(t, w.network, collecting(0, 1))
	for i, want := range []struct{ point, policy bool }{{false, true}, {false, false}} {
		w.cycle(t, r)
		if point, policy := w.exists(t, tenant); point != want.point || policy != want.policy {
			t.Errorf("after cycle %d: access point %t, policy %t", i, point, policy)
		}
	}
}

// A policy of this name that says something else may be another installation's.
func TestAForeignPolicyIsNoGarbage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.made(t, w.reconciler(t, w.network), 1)
	tenant := w.in.Tenant(org.NewID())
	if _, err := w.root.CreatePolicy(t.Context(), tenant.SessionPolicyName(), "", w.in.Tenant(org.NewID()).SessionPolicy()); err != nil {
		t.Fatal(err)
	}
	if left := w.cycle(t, w.reconciler(t, w.network, collecting(0, 10))).Orphans; len(left) != 1 {
		t.Errorf("left %v", left)
	}
	if _, policy := w.exists(t, tenant); !policy {
		t.Error("it was deleted")
	}
}

// With an empty database everything is an orphan; with another one, or an old copy, much.
func TestADatabaseThatLooksWrongDeletesNothing(t *testing.T) {
	t.Parallel()
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		tenant := w.orphan(t)
		r := w.reconciler(t, w.network, collecting(0, 10))
		if left := w.cycle(t, r).Orphans; len(left) != 2 {
			t.Errorf("left %v", left)
		}
		if point, policy := w.exists(t, tenant); !point || !policy {
			t.Error("an orphan was deleted")
		}
	})
	t.Run("fewer than before", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.made(t, w.reconciler(t, w.network), 9)
		w.orphan(t)
		r := w.reconciler(t, w.network, collecting(0, 10))
		for _, row := range []struct{ had, left int }{{11, 2}, {10, 0}} {
			if err := w.db.SaveCycle(t.Context(), registry.Cycle{Organizations: row.had}); err != nil {
				t.Fatal(err)
			}
			if left := w.cycle(t, r).Orphans; len(left) != row.left {
				t.Errorf("with 9 of %d: left %v", row.had, left)
			}
		}
	})
	t.Run("fewer, until an operator says so", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.made(t, w.reconciler(t, w.network), 1)
		w.orphan(t)
		if err := w.db.SaveCycle(t.Context(), registry.Cycle{Organizations: 100}); err != nil {
			t.Fatal(err)
		}
		r := w.reconciler(t, w.network, collecting(0, 10))
		for range 2 {
			if left := w.cycle(t, r).Orphans; len(left) != 2 {
				t.Errorf("left %v", left)
			}
		}
		if err := r.AcceptCount(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := w.cycle(t, r).Orphans; len(left) != 0 {
			t.Errorf("left %v", left)
		}
	})
}

// What belongs to a deleted organization is no orphan: its reconciliation knows whether it
// is to go.
func TestADeletedOrganizationHasNoOrphans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler(t, w.network, collecting(0, 10))
	o := w.made(t, r, 2)[0]
	if _, err := w.db.SetOrganizationState(t.Context(), o.ID, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	tenant := w.in.Tenant(o.ID)
	if _, err := w.root.CreateAccessPoint(t.Context(), tenant.APName(), w.in.BucketName); err != nil { // by one that was late
		t.Fatal(err)
	}
	if orphans := w.cycle(t, r).Orphans; len(orphans) != 0 {
		t.Errorf("orphans %v", orphans)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }() // the cycle has asked for it
	eventually(t, func() bool { point, _ := w.exists(t, tenant); return !point })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
