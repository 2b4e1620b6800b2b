package reconcile_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func TestI7NewOrganizationBecomesReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	if err := w.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	w.settled(t, o.ID, org.Ready)

	tenant := w.in.Tenant(o.ID)
	stored, err := w.secrets.Coordinates(t.Context(), o.ID)
	if err != nil || stored != tenant.Coordinates() {
		t.Errorf("coordinates %v, %v", stored, err)
	}
	backends, err := w.db.Backends(t.Context(), o.ID)
	if err != nil || len(backends) != 1 || backends[0].Status != registry.BackendValid || !backends[0].Default {
		t.Errorf("backends %v, %v", backends, err)
	}
	ap, err := w.root.AccessPoint(t.Context(), tenant.APName())
	if err != nil || ap.Bucket != w.in.BucketName || !ap.Block.All() || ap.ARN != tenant.APARN() {
		t.Errorf("access point %+v, %v", ap, err)
	}
}

// I7: safe to kill between any two calls. Every request of a reconciliation is once
// the last that leaves and once the last whose effect happens.
func TestI7KilledBetweenAnyTwoCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			o := w.organization(t)
			ctx, kill := context.WithCancel(t.Context())
			dying := &interrupter{network: w.network, kill: kill, at: n, after: after}
			err := w.reconciler(t, dying).Reconcile(ctx, o.ID)
			kill()
			if !dying.reached() {
				if err != nil {
					t.Fatalf("without interruption: %v", err)
				}
				break
			}
			if err == nil {
				t.Errorf("request %d (after %t): killed and successful", n, after)
			}
			if err := w.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
				t.Errorf("request %d (after %t): %v", n, after, err)
			}
			w.settled(t, o.ID, org.Ready)
		}
	}
}

func TestI7DriftIsRepaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wide := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{
		{Effect: iam.Allow, Actions: []string{"s3:*"}, Resources: []string{"*"}},
	}}
	for name, drift := range map[string]func(context.Context, org.ID) error{
		"session policy widened": func(ctx context.Context, id org.ID) error {
			return w.root.AddPolicyVersion(ctx, w.in.Tenant(id).SessionPolicyARN(), wide)
		},
		"session policy deleted": func(ctx context.Context, id org.ID) error {
			return w.root.DeletePolicy(ctx, w.in.Tenant(id).SessionPolicyARN())
		},
		"access point policy of another role id": func(ctx context.Context, id org.ID) error {
			t := w.in.Tenant(id)
			return w.root.PutAccessPointPolicy(ctx, t.APName(), t.APPolicy("AROAEXAMPLEEXAMPLE000"))
		},
		"access point deleted": func(ctx context.Context, id org.ID) error {
			return w.root.DeleteAccessPoint(ctx, w.in.Tenant(id).APName())
		},
		"coordinates of another organization": func(ctx context.Context, id org.ID) error {
			return w.secrets.PutCoordinates(ctx, id, w.in.Tenant(org.NewID()).Coordinates())
		},
		"coordinates damaged": func(ctx context.Context, id org.ID) error {
			return w.db.PutSecret(ctx, id, tenancy.StorageBackendName, []byte("{"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := w.organization(t)
			r := w.reconciler(t, w.network)
			if err := r.Reconcile(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
			if err := drift(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
			if plan, err := r.Plan(t.Context(), o); err != nil || len(plan) == 0 {
				t.Fatalf("drift is not seen: %v, %v", plan, err)
			}
			if err := r.Reconcile(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
			w.settled(t, o.ID, org.Ready)
		})
	}
}

// IAM keeps five versions of a policy (facts AWS §5); a tenth repair must still work.
func TestSessionPolicyVersionsDoNotRunOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	r := w.reconciler(t, w.network)
	arn := w.in.Tenant(o.ID).SessionPolicyARN()
	for range 5 {
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.root.PrunePolicy(t.Context(), arn, 4); err != nil {
			t.Fatal(err)
		}
		if err := w.root.AddPolicyVersion(t.Context(), arn, w.in.Tenant(org.NewID()).SessionPolicy()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	w.settled(t, o.ID, org.Ready)
}

// An access point that is not what it should be is nobody's to delete but an
// operator's.
func TestForeignAccessPointDegrades(t *testing.T) {
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
	r := w.reconciler(t, w.network)
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	degraded, err := w.db.OrganizationByID(t.Context(), o.ID)
	if err != nil || degraded.State != org.Degraded || !strings.Contains(degraded.Reason, "elsewhere") {
		t.Errorf("got %+v, %v", degraded, err)
	}
	if ap, err := w.root.AccessPoint(t.Context(), name); err != nil || ap.Bucket != "elsewhere" {
		t.Errorf("the access point was touched: %+v, %v", ap, err)
	}
	if err := w.root.DeleteAccessPoint(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	w.settled(t, o.ID, org.Ready)
}

// I7: two processes on one organization get in each other's way, not into trouble.
func TestI7TwoReconcilersConverge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		o := w.organization(t)
		var both sync.WaitGroup
		for range 2 {
			r := w.reconciler(t, w.network)
			both.Go(func() {
				if err := r.Reconcile(t.Context(), o.ID); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		w.settled(t, o.ID, org.Ready)
	}
}

// IAM shows changes late, S3 Control and IAM are busy: one Reconcile gets over it.
func TestEventualConsistencyAndThrottling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	if err := w.aws.Faults().Replace(faults.Plan{
		IAMPropagationMS: 300,
		Rules: []faults.Rule{
			{Service: "iam", Operation: "CreatePolicy", Count: 1, Kind: faults.CutAfter},
			{Service: "s3control", Operation: "CreateAccessPoint", Count: 1, Kind: faults.CutAfter},
			{Service: "s3control", Operation: "PutAccessPointPolicy", Count: 2, Kind: faults.Throttle},
		},
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.aws.Faults().Replace(faults.Plan{}); err != nil {
		t.Fatal(err)
	}
	w.settled(t, o.ID, org.Ready)
}

func TestDeletedOrganizationLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	r := w.reconciler(t, w.network)
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.SetOrganizationState(t.Context(), o.ID, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	w.settled(t, o.ID, org.Deleted)
	tenant := w.in.Tenant(o.ID)
	if _, err := w.root.AccessPoint(t.Context(), tenant.APName()); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("access point: %v", err)
	}
	if _, _, err := w.root.Policy(t.Context(), tenant.SessionPolicyARN()); !errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("session policy: %v", err)
	}
	if _, err := w.secrets.Coordinates(t.Context(), o.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("coordinates: %v", err)
	}

	// A process that read the organization before it was deleted may be late with a
	// creation. Its own next round looks again.
	if _, err := w.root.CreateAccessPoint(t.Context(), tenant.APName(), w.in.BucketName); err != nil {
		t.Fatal(err)
	}
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	w.settled(t, o.ID, org.Deleted)
}

// The policies of all access points die with the base role, whose unique id they name
// (facts AWS §12.16). A pass finds out and rewrites them.
func TestRecreatedBaseRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	r := w.reconciler(t, w.network)
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	w.recreateBaseRole(t)
	if plan, err := w.reconciler(t, w.network).Plan(t.Context(), o); err != nil || len(plan) == 0 {
		t.Fatalf("the new id is not seen: %v, %v", plan, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	eventually(t, func() bool {
		plan, err := w.reconciler(t, w.network).Plan(t.Context(), o)
		return err == nil && len(plan) == 0
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Run finds new organizations by itself, repairs at its start, and ends with its
// context.
func TestRun(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		w := newWorldOn(t, target)
		before := w.organization(t)
		r := w.reconciler(t, w.network)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		w.await(t, before.ID, org.Ready)
		began := time.Now()
		later := w.organization(t)
		w.await(t, later.ID, org.Ready)
		t.Logf("a new organization was ready after %s", time.Since(began).Round(time.Millisecond))
		if _, err := w.db.SetOrganizationState(t.Context(), later.ID, org.Deleting, ""); err != nil {
			t.Fatal(err)
		}
		w.await(t, later.ID, org.Deleted)
		if err := r.Health(); err != nil {
			t.Error(err)
		}
		began = time.Now()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		t.Logf("stopped after %s", time.Since(began).Round(time.Millisecond))
		w.settled(t, before.ID, org.Ready)
	})
}

// In an installation where nothing else happens, one organization that fails again and
// again does not make the process unhealthy: its cycles succeed.
func TestOneBrokenOrganizationIsNoIllness(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler(t, w.network, func(cfg *reconcile.Config) { cfg.Interval = time.Millisecond })
	for range 10 {
		r.Failed(t.Context(), errors.New("broken"))
	}
	if r.Health() == nil {
		t.Fatal("healthy after ten failures and no cycle")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	eventually(t, func() bool { return r.Health() == nil })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func (w *world) await(t *testing.T, id org.ID, want org.State) {
	t.Helper()
	eventually(t, func() bool {
		o, err := w.db.OrganizationByID(t.Context(), id)
		return err == nil && o.State == want
	})
}

// long is what the slowest machine does not take.
const long = 2 * time.Minute

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.After(long)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s", long)
		}
	}
}
