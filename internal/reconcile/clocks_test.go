package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/probe"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
)

// stuck keeps what it has.
type stuck struct{ reconcile.Secrets }

func (stuck) DeleteCoordinates(context.Context, org.ID) error {
	return errors.New("the store is read-only")
}

// An organization that is brought back from the middle of its deletion is proven anew: what
// probes had shown was before anything was taken away.
func TestUndeletedInTheMiddleIsProvenAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	script := &told{results: successes()}
	r := w.prover(t, script, time.Hour, time.Millisecond)
	if err := reconcileUntil(t, r, o.ID); err != nil || w.state(t, o.ID) != org.Ready {
		t.Fatal(w.state(t, o.ID), err)
	}
	if _, err := w.db.SetOrganizationState(t.Context(), o.ID, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	cfg := w.config(t, w.cloud(t, w.identity, w.network))
	cfg.Standing, cfg.Prober, cfg.Secrets = w.db, script, stuck{w.secrets}
	if err := reconcile.New(cfg).Reconcile(t.Context(), o.ID); err == nil {
		t.Fatal("deleted, though its coordinates could not be")
	}
	if _, err := w.db.UndeleteOrganization(t.Context(), o.ID, ""); err != nil {
		t.Fatal(err)
	}
	script.results = []probe.Result{bad}
	if err := r.Reconcile(t.Context(), o.ID); err == nil || w.state(t, o.ID) != org.Pending {
		t.Errorf("%s without a probe, %v: %v", w.state(t, o.ID), w.conditions(t, o.ID), err)
	}
	script.results = successes()
	if err := reconcileUntil(t, r, o.ID); err != nil || w.state(t, o.ID) != org.Ready || w.conditions(t, o.ID)[registry.Reachable] != "True/Probed" {
		t.Errorf("%s, %v: %v", w.state(t, o.ID), w.conditions(t, o.ID), err)
	}
}

// A probe that is due in a year was put off by a clock that was a year ahead: it is due now,
// for a new organization as for one in use.
func TestAProbeIsNotPutOffForLong(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "sqlite")
	synctest.Test(t, func(t *testing.T) {
		w := newTimelessWorld(t, target)
		script := &told{results: successes()}
		r := w.prover(t, script, time.Hour, time.Second)
		o := w.organization(t)
		if err := r.Reconcile(t.Context(), o.ID); err == nil || w.state(t, o.ID) != org.Pending {
			t.Fatal(w.state(t, o.ID), err)
		}
		putOff := registry.Probes{Streak: 1, Next: time.Now().Add(365 * 24 * time.Hour)}
		if err := w.db.SaveProbes(t.Context(), o.ID, putOff); err != nil {
			t.Fatal(err)
		}
		if err := reconcileUntil(t, r, o.ID); err != nil || w.state(t, o.ID) != org.Ready {
			t.Errorf("new: %s, %v", w.state(t, o.ID), err)
		}
		putOff.Streak = 3
		if err := w.db.SaveProbes(t.Context(), o.ID, putOff); err != nil {
			t.Fatal(err)
		}
		before := w.succeeded(t, o.ID)
		start(t, r)
		time.Sleep(2 * time.Minute)
		if w.succeeded(t, o.ID) == before {
			t.Error("in use: no probe")
		}
	})
}
