package reconcile_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/probe"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
)

// IAM takes 30 s to show a change to S3 and STS: nobody is told that an organization is
// ready before three probes in a row succeeded, and then the first upload does.
func TestReadyOutlastsPropagation(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "sqlite")
	synctest.Test(t, func(t *testing.T) {
		w := newTimelessWorld(t, target)
		if err := w.aws.Faults().Replace(faults.Plan{IAMPropagationMS: 30_000}); err != nil {
			t.Fatal(err)
		}
		r := w.prover(t, w.prober(t), time.Hour, time.Second)
		start(t, r)

		// More slow ones than there are workers; then one that nothing delays.
		began := time.Now()
		var slow []org.Organization
		for range 6 {
			slow = append(slow, w.organization(t))
		}
		time.Sleep(10 * time.Second)
		if err := w.aws.Faults().Replace(faults.Plan{}); err != nil {
			t.Fatal(err)
		}
		quickBegan, quick := time.Now(), w.organization(t)
		quickTook := w.ready(t, quick.ID, quickBegan)
		if quickTook > 10*time.Second {
			t.Errorf("waited %s for organizations that wait for IAM", quickTook)
		}
		for _, o := range slow {
			took := w.ready(t, o.ID, began)
			if took < 30*time.Second || took > 50*time.Second {
				t.Errorf("ready after %s, want soon after 30s", took)
			}
			t.Logf("ready after %s", took)
			if n := w.succeeded(t, o.ID); n < 3 {
				t.Errorf("ready after %d successful probes", n)
			}
			w.upload(t, o.ID)
		}
		t.Logf("undelayed: ready after %s", quickTook)
	})
}

// ready waits until an organization is, and says how long that took.
func (w *world) ready(t *testing.T, id org.ID, since time.Time) time.Duration {
	t.Helper()
	for w.state(t, id) != org.Ready {
		if time.Since(since) > 2*time.Minute {
			t.Fatalf("not ready: %v", w.conditions(t, id))
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(since)
}

func (w *world) succeeded(t *testing.T, id org.ID) int64 { return w.events(t, id)["ProbeSucceeded"] }

// upload stores an artifact as the data path does.
func (w *world) upload(t *testing.T, id org.ID) {
	t.Helper()
	content := []byte("an artifact of " + id.String())
	d := digest.Of(content)
	key := w.in.Tenant(id).ObjectKey(d)
	if err := w.objects(t, id).Put(t.Context(), key, d, int64(len(content)), bytes.NewReader(content), cas.Label{}); err != nil {
		t.Errorf("the first upload: %v", err)
	}
}

// A streak is broken by whatever is no success, and by a change of the policies.
func TestThreeInARow(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "sqlite")
	synctest.Test(t, func(t *testing.T) {
		w := newTimelessWorld(t, target)
		o := w.organization(t)
		script := &told{}
		r := w.prover(t, script, time.Hour, time.Second)
		script.results = append(script.results, good, good, bad, good, good, unknown, good, good, good)
		if err := reconcileUntil(t, r, o.ID); err != nil {
			t.Fatal(err)
		}
		if n := w.succeeded(t, o.ID); w.state(t, o.ID) != org.Ready || n != 7 {
			t.Errorf("%s after %d successes, want ready after 7", w.state(t, o.ID), n)
		}

		// In use, it stays what it is while its policies are repaired and proved anew.
		if err := w.root.DeletePolicy(t.Context(), w.in.Tenant(o.ID).SessionPolicyARN()); err != nil {
			t.Fatal(err)
		}
		script.results = append(script.results[:0], bad, good)
		err := r.Reconcile(t.Context(), o.ID)
		if got := w.conditions(t, o.ID); err == nil || w.state(t, o.ID) != org.Ready || got[registry.Reachable] != "False/AccessDenied" {
			t.Errorf("after the repair: %v, %s, %v", err, w.state(t, o.ID), got)
		}
		if err := reconcileUntil(t, r, o.ID); err != nil {
			t.Fatal(err)
		}
		if n := w.succeeded(t, o.ID); n != 10 || w.conditions(t, o.ID)[registry.Reachable] != "True/Probed" {
			t.Errorf("%d successes, %v", n, w.conditions(t, o.ID))
		}
	})
}

// An organization whose probes fail is degraded when that is no propagation any more, and
// at once when isolation is broken; three successes make it ready.
func TestFailingProbesDegrade(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "sqlite")
	synctest.Test(t, func(t *testing.T) {
		w := newTimelessWorld(t, target)
		o := w.organization(t)
		script := &told{results: []probe.Result{good, good, good, bad}}
		r := w.prover(t, script, time.Hour, time.Second)
		if err := reconcileUntil(t, r, o.ID); err != nil || w.state(t, o.ID) != org.Ready {
			t.Fatal(w.state(t, o.ID), err)
		}
		time.Sleep(30 * time.Minute)
		if err := r.Reconcile(t.Context(), o.ID); err != nil || w.conditions(t, o.ID)[registry.Reachable] != "True/Probed" {
			t.Errorf("probed too early: %v, %v", w.conditions(t, o.ID), err)
		}
		time.Sleep(40 * time.Minute)
		began := time.Now()
		if err := r.Reconcile(t.Context(), o.ID); err == nil || w.state(t, o.ID) != org.Ready || w.conditions(t, o.ID)[registry.Reachable] != "False/AccessDenied" {
			t.Errorf("the first failure: %v, %s, %v", err, w.state(t, o.ID), w.conditions(t, o.ID))
		}
		if err := reconcileUntil(t, r, o.ID); err != nil || w.state(t, o.ID) != org.Degraded {
			t.Errorf("failing: %s, %v", w.state(t, o.ID), err)
		}
		if took := time.Since(began); took < 2*time.Minute || took > 2*time.Minute+10*time.Second {
			t.Errorf("degraded after %s, want 2m", took)
		}
		script.results = successes()
		time.Sleep(2 * time.Minute)
		if err := reconcileUntil(t, r, o.ID); err != nil || w.state(t, o.ID) != org.Ready {
			t.Errorf("good again: %s, %v", w.state(t, o.ID), err)
		}
		script.results = append(script.results[:0], broken, good)
		time.Sleep(2 * time.Hour)
		if err := r.Reconcile(t.Context(), o.ID); err == nil || w.state(t, o.ID) != org.Degraded || w.conditions(t, o.ID)[registry.Reachable] != "False/IsolationBroken" {
			t.Errorf("broken: %v, %s, %v", err, w.state(t, o.ID), w.conditions(t, o.ID))
		}
		if err := reconcileUntil(t, r, o.ID); err != nil || w.state(t, o.ID) != org.Ready {
			t.Errorf("whole again: %s, %v", w.state(t, o.ID), err)
		}
		want := map[string]int64{"Created": 1, "Provisioned": 1, "Ready": 3, "Degraded": 2, "IsolationBroken": 1, "ProbeSucceeded": 9}
		got := w.events(t, o.ID)
		for reason, n := range want {
			if got[reason] != n {
				t.Errorf("%d events %s, want %d: %v", got[reason], reason, n, got)
			}
		}
	})
}

// A probe that AWS did not answer says nothing about an organization that was fine.
func TestUnansweredProbeChangesNothing(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "sqlite")
	synctest.Test(t, func(t *testing.T) {
		w := newTimelessWorld(t, target)
		o := w.organization(t)
		script := &told{results: []probe.Result{good, good, good, unknown}}
		r := w.prover(t, script, time.Hour, time.Second)
		if err := reconcileUntil(t, r, o.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		for range 3 {
			if err := r.Reconcile(t.Context(), o.ID); err != nil || w.state(t, o.ID) != org.Ready || w.conditions(t, o.ID)[registry.Reachable] != "Unknown/Unanswered" {
				t.Fatalf("%v, %s, %v", err, w.state(t, o.ID), w.conditions(t, o.ID))
			}
			time.Sleep(time.Hour)
		}
		script.results = successes()
		if err := r.Reconcile(t.Context(), o.ID); err != nil || w.conditions(t, o.ID)[registry.Reachable] != "True/Probed" {
			t.Errorf("%v, %v", err, w.conditions(t, o.ID))
		}
	})
}

// Every organization is probed once in an interval, by itself, and at its own time.
func TestRotation(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "sqlite")
	synctest.Test(t, func(t *testing.T) {
		w := newTimelessWorld(t, target)
		r := w.prover(t, &told{results: successes()}, 40*time.Second, 20*time.Millisecond)
		start(t, r)
		ids := []org.ID{w.organization(t).ID, w.organization(t).ID, w.organization(t).ID}
		time.Sleep(4 * time.Minute)
		for _, id := range ids {
			if n := w.succeeded(t, id) - 3; n < 4 || n > 6 {
				t.Errorf("%d probes in four minutes, want five or six", n)
			}
		}
	})
}

// An organization that was ready before there were probes stays so, and is probed some
// time within the interval.
func TestProbesComeWithAnUpgrade(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "sqlite")
	synctest.Test(t, func(t *testing.T) {
		w := newTimelessWorld(t, target)
		spread := map[time.Duration]bool{}
		for range 8 {
			o := w.organization(t)
			if err := w.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			err := w.prover(t, &told{results: []probe.Result{bad}}, time.Hour, time.Second).Reconcile(t.Context(), o.ID)
			if _, soon := errors.AsType[*reconcile.Again](err); err != nil && !soon {
				t.Fatal(err)
			}
			p, err := w.db.Probes(t.Context(), o.ID)
			if err != nil || w.state(t, o.ID) != org.Ready {
				t.Fatal(w.state(t, o.ID), err)
			}
			spread[p.Next.Sub(began).Truncate(time.Minute)] = true
			if p.Next.Before(began) || p.Next.After(began.Add(time.Hour)) {
				t.Errorf("the first is due after %s", p.Next.Sub(began))
			}
		}
		if len(spread) < 3 {
			t.Errorf("first probes in minutes %v: want them apart", spread)
		}
	})
}

// What a probe costs: a session, four calls with it, and what must be denied.
func TestProbeCostsFewCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.organization(t), w.organization(t)
	prober := w.prober(t)
	r := w.prover(t, prober, time.Hour, time.Millisecond)
	for i, o := range []org.Organization{first, second} {
		if err := reconcileUntil(t, r, o.ID); err != nil {
			t.Fatal(err)
		}
		w.aws.Journal().Clear()
		if got := prober.Probe(t.Context(), o.ID); got.Status != registry.True {
			t.Fatalf("%+v", got)
		}
		denied, allowed := 0, map[string]int{}
		for _, e := range w.aws.Journal().Entries(journal.Filter{}) {
			if e.Status == 403 {
				denied++
			} else {
				allowed[e.Operation]++
			}
		}
		want := []int{6, 15}[i]
		if denied != want {
			t.Errorf("%d calls denied, want %d", denied, want)
		}
		for _, operation := range []string{"AssumeRole", "ListObjectsV2", "GetObject", "CreateMultipartUpload", "AbortMultipartUpload"} {
			if allowed[operation] != 1 {
				t.Errorf("%s was called %d times: %v", operation, allowed[operation], allowed)
			}
			delete(allowed, operation)
		}
		if len(allowed) > 0 {
			t.Errorf("also called: %v", allowed)
		}
	}
}
