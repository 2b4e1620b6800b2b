package reconcile_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
)

// elsewhen is a database whose clock says something else than this process's.
type elsewhen struct {
	*database.DB
	ahead time.Duration
}

func (e elsewhen) Now(ctx context.Context) (time.Time, error) {
	now, err := e.DB.Now(ctx)
	return now.Add(e.ahead), err
}

// The age of an orphan is told by the clock that processes share: neither who saw it first
// nor who deletes it needs a right one of its own.
func TestTheGraceIsTheDatabasesTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := func(ahead time.Duration) *reconcile.Reconciler {
		return w.reconciler(t, w.network, collecting(time.Hour, 10), func(c *reconcile.Config) { c.Memory = elsewhen{w.db, ahead} })
	}
	w.made(t, at(0), 3)
	tenant := w.orphan(t)
	const month = 30 * 24 * time.Hour
	for _, ahead := range []time.Duration{month, month + time.Minute, month + 59*time.Minute} {
		w.cycle(t, at(ahead))
		if point, policy := w.exists(t, tenant); !point || !policy {
			t.Fatalf("deleted %s after it was seen first", ahead-month)
		}
	}
	w.cycle(t, at(month+61*time.Minute))
	if point, policy := w.exists(t, tenant); point || policy {
		t.Error("not deleted after its grace")
	}
}

// What garbage collection does not touch does not count as what it deletes: ten policies
// that somebody else wrote are in nobody's way.
func TestForeignOrphansAreInNobodysWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler(t, w.network, collecting(time.Nanosecond, 2))
	w.made(t, r, 8)
	for i := range 4 {
		other := w.in.Tenant(org.NewID())
		foreign := w.in.Tenant(org.NewID()).SessionPolicy() // another organization's
		if _, err := w.root.CreatePolicy(t.Context(), other.SessionPolicyName(), fmt.Sprint(i), foreign); err != nil {
			t.Fatal(err)
		}
	}
	w.cycle(t, r)
	tenant := w.orphan(t)
	w.cycle(t, r)
	if left := w.cycle(t, r).Orphans; len(left) != 4 {
		t.Errorf("left: %v", left)
	}
	if point, policy := w.exists(t, tenant); point || policy {
		t.Errorf("an orphan of ours was not deleted: access point %t, policy %t", point, policy)
	}
}

// A policy that has the name of the one that all sessions share in another mode, and says
// something else, is somebody else's: another installation's, or a person's.
func TestAForeignSharedPolicyStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.in
	other.APPrefix = "other-"
	r := w.reconciler(t, w.network)
	r.InModeSince(time.Now().Add(-reconcile.Grace - time.Second))
	for whose, policy := range map[string]*iam.Document{"another installation": other.SharedPolicy(), "a person": w.in.Tenant(org.NewID()).SessionPolicy()} {
		if _, err := w.root.CreatePolicy(t.Context(), w.in.SharedPolicyName(), "", policy); err != nil {
			t.Fatal(err)
		}
		if err := r.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !w.policyExists(t, w.in.SharedPolicyARN()) {
			t.Errorf("the policy of %s was deleted", whose)
		}
		if err := w.root.DeletePolicy(t.Context(), w.in.SharedPolicyARN()); err != nil {
			t.Fatal(err)
		}
	}
}
