package reconcile_test

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/probe"
	"github.com/managedcas/managedcas/internal/reconcile"
)

// metrics gathers what the collectors show: "name label" to value; of histograms the count.
func metrics(t *testing.T, collectors ...prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collectors...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			shown[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return shown
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	w.organization(t) // waits
	r := w.prover(t, &told{results: []probe.Result{good, bad, good}}, time.Hour, time.Millisecond)
	if err := reconcileUntil(t, r, o.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.root.DeletePolicy(t.Context(), w.in.Tenant(o.ID).SessionPolicyARN()); err != nil {
		t.Fatal(err)
	}
	if err := reconcileUntil(t, r, o.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Reconcile(t.Context(), org.NewID()); err == nil {
		t.Error("an organization that does not exist was reconciled")
	}
	got := metrics(t, append(r.Collectors(), reconcile.NewCensus(w.db, w.db.Queue(), slog.New(slog.DiscardHandler)))...)
	for name, want := range map[string]float64{
		"managedcas_organizations ready":                 1,
		"managedcas_organizations pending":               1,
		"managedcas_organizations degraded":              0,
		"managedcas_conditions_false Reachable":          0,
		"managedcas_drift_repaired_total session_policy": 1,
		"managedcas_probes_total Probed":                 7,
		"managedcas_probes_total AccessDenied":           1,
		"managedcas_probe_seconds":                       8,
		"managedcas_reconciles_total ok":                 2,
		"managedcas_reconciles_total again":              1,
		"managedcas_reconciles_total failed":             1,
		"managedcas_queue_depth":                         2, // nobody works on either
		"managedcas_reconcile_consecutive_failures":      0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if age := got["managedcas_queue_age_seconds"]; age <= 0 || age > time.Since(o.CreatedAt).Seconds()+1 {
		t.Errorf("the first has waited for %v s", age)
	}
}

// What failed to be looked at is unknown, and says so.
func TestUnobservedIsUnknown(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "sqlite")
	synctest.Test(t, func(t *testing.T) {
		w := newTimelessWorld(t, target)
		o := w.organization(t)
		if err := reconcileUntil(t, w.prover(t, &told{results: successes()}, time.Hour, time.Millisecond), o.ID); err != nil {
			t.Fatal(err)
		}
		if got := w.conditions(t, o.ID); got["PolicyInSync"] != "True/InSync" || got["Provisioned"] != "True/Complete" {
			t.Fatalf("before: %v", got)
		}
		down := &interrupter{network: w.network, kill: func() {}, at: 1}
		cfg := w.config(t, w.cloud(t, w.identity, down))
		cfg.Standing, cfg.Prober = w.db, &told{results: successes()}
		if err := reconcile.New(cfg).Reconcile(t.Context(), o.ID); !errors.Is(err, errInterrupted) {
			t.Errorf("got %v", err)
		}
		if got := w.conditions(t, o.ID); got["PolicyInSync"] != "Unknown/NotObserved" || got["Provisioned"] != "True/Complete" || got["Reachable"] != "True/Probed" {
			t.Errorf("after: %v", got)
		}
	})
}

// An organization that steps cannot help is told apart from one that is being made; one
// that is deleted says so.
func TestConditionsOfALife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.root.CreateBucket(t.Context(), "elsewhere"); err != nil {
		t.Fatal(err)
	}
	o := w.organization(t)
	name := w.in.Tenant(o.ID).APName()
	if _, err := w.root.CreateAccessPoint(t.Context(), name, "elsewhere"); err != nil {
		t.Fatal(err)
	}
	r := w.prover(t, w.prober(t), time.Hour, time.Millisecond)
	for range 2 {
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.conditions(t, o.ID); got["Provisioned"] != "False/NeedsOperator" || w.state(t, o.ID) != org.Degraded {
		t.Errorf("beyond repair: %v, %s", got, w.state(t, o.ID))
	}
	if n := w.events(t, o.ID)["Degraded"]; n != 1 {
		t.Errorf("%d events Degraded, want 1", n)
	}
	w.namesNothing(t, o.ID)

	if err := w.root.DeleteAccessPoint(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := reconcileUntil(t, r, o.ID); err != nil {
		t.Fatal(err)
	}
	if got := w.conditions(t, o.ID); got["Provisioned"] != "True/Complete" || got["Reachable"] != "True/Probed" || w.state(t, o.ID) != org.Ready {
		t.Errorf("repaired: %v, %s", got, w.state(t, o.ID))
	}

	if _, err := w.db.SetOrganizationState(t.Context(), o.ID, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	if got := w.conditions(t, o.ID); got["Provisioned"] != "False/Deleted" || got["PolicyInSync"] != "Unknown/Deleted" || got["Reachable"] != "Unknown/Deleted" {
		t.Errorf("deleted: %v", got)
	}
	if got := w.events(t, o.ID); got["Deleting"] == 0 || got["Deleted"] != 1 {
		t.Errorf("events %v", got)
	}
	w.namesNothing(t, o.ID)
}

// Prometheus sees no increase in a series that begins with its first event: what alerts
// ask for is there before anything has happened.
func TestCountersAreThereBeforeTheirFirstEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := metrics(t, w.prover(t, &told{}, time.Hour, time.Millisecond).Collectors()...)
	for _, name := range []string{
		"managedcas_probes_total IsolationBroken", "managedcas_probes_total CanaryChanged", "managedcas_probes_total Unanswered",
		"managedcas_reconciles_total failed", "managedcas_drift_repaired_total session_policy",
		"managedcas_drift_repaired_total access_point", "managedcas_drift_repaired_total access_point_policy",
		"managedcas_drift_repaired_total coordinates", "managedcas_drift_repaired_total storage_backend",
	} {
		if value, shown := got[name]; !shown || value != 0 {
			t.Errorf("%s is %v, shown %v", name, value, shown)
		}
	}
}

// A cycle that is another process's turn is no success of this one: were it, the one that
// cannot make its cycles would have others say that all is well.
func TestOnlyWhoMakesACycleSaysThatItSucceeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const name = "managedcas_cycle_success_timestamp_seconds"
	maker, waiter := w.reconciler(t, w.network), w.reconciler(t, w.network)
	if err := maker.PassIfDue(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := waiter.PassIfDue(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if made := metrics(t, maker.Collectors()...)[name]; time.Since(time.Unix(int64(made), 0)) > time.Minute {
		t.Errorf("who made the cycle says %v", made)
	}
	if waited := metrics(t, waiter.Collectors()...)[name]; waited != 0 {
		t.Errorf("whose turn it was not says %v, want 0", waited)
	}
}
