package reconcile_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// switchTo provisions the world for a mode: from then on the backend may do what that needs.
func (w *world) switchTo(t *testing.T, mode tenancy.SessionPolicyMode) {
	t.Helper()
	in := names(w.in.KMSKeyARN)
	in.SessionPolicyMode = mode
	p, err := provision.New(provision.Config{Installation: in, Roles: w.root, Keys: w.root, Buckets: w.root, Settings: w.root})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w.in, err = p.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
}

func (w *world) policyExists(t *testing.T, arn string) bool {
	t.Helper()
	_, _, err := w.root.Policy(t.Context(), arn)
	if err != nil && !errors.Is(err, cloud.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// However many organizations there are, one policy is made for all, and none for each.
func TestSharedPolicyIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.switchTo(t, tenancy.ABAC)
	r := w.reconciler(t, w.network)
	var all sync.WaitGroup
	var made []org.Organization
	for range 6 {
		o := w.organization(t)
		made = append(made, o)
		all.Go(func() {
			if err := r.Reconcile(t.Context(), o.ID); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, o := range made {
		w.settled(t, o.ID, org.Ready)
		if w.policyExists(t, w.in.Tenant(o.ID).SessionPolicyARN()) {
			t.Error("an organization has a policy of its own")
		}
	}
	for p, err := range w.root.Policies(t.Context(), w.in.SessionPolicyPrefix) {
		if err != nil || p.ARN != w.in.SharedPolicyARN() || p.DefaultVersion != "v1" {
			t.Errorf("policy %+v, %v", p, err)
		}
	}
}

// Somebody widens or deletes the policy of all organizations: the next pass sees it, and
// one organization repairs it for all.
func TestI7SharedPolicyIsRepaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.switchTo(t, tenancy.ABAC)
	r := w.reconciler(t, w.network)
	a, b := w.organization(t), w.organization(t)
	arn := w.in.SharedPolicyARN()
	wide := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{
		{Effect: iam.Allow, Actions: []string{"s3:*"}, Resources: []string{"*"}},
	}}
	for name, drift := range map[string]func() error{
		"nothing": func() error { return nil },
		"widened": func() error { return w.root.AddPolicyVersion(t.Context(), arn, wide) },
		"deleted": func() error { return w.root.DeletePolicy(t.Context(), arn) },
	} {
		if err := r.Reconcile(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		if err := drift(); err != nil {
			t.Fatal(err)
		}
		if err := r.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, o := range []org.Organization{a, b} {
			if err := r.Reconcile(t.Context(), o.ID); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, text, err := w.root.Policy(t.Context(), arn)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := iam.Parse(iam.KindSession, text); err != nil || string(got.Canonical()) != string(w.in.SharedPolicy().Canonical()) {
			t.Errorf("%s: the shared policy is %s, %v", name, text, err)
		}
		w.settled(t, a.ID, org.Ready)
	}
}

// What another mode has left is kept as long as somebody may use it, and not longer: one
// second before the end of the grace, and one after.
func TestSupersededPoliciesGoAfterTheGrace(t *testing.T) {
	t.Parallel()
	for _, to := range []tenancy.SessionPolicyMode{tenancy.Inline, tenancy.ABAC, tenancy.Managed} {
		t.Run(string(to), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if to == tenancy.Managed {
				w.switchTo(t, tenancy.ABAC)
			}
			o := w.organization(t)
			if err := w.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
			superseded := w.in.Tenant(o.ID).PassedPolicy().ARN
			w.switchTo(t, to)
			r := w.reconciler(t, w.network)
			for _, since := range []struct {
				age  time.Duration
				kept bool
			}{{0, true}, {reconcile.Grace - time.Minute, true}, {reconcile.Grace + time.Second, false}} {
				r.InModeSince(time.Now().Add(-since.age))
				if err := r.Pass(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := r.Reconcile(t.Context(), o.ID); err != nil {
					t.Fatal(err)
				}
				if w.policyExists(t, superseded) != since.kept {
					t.Errorf("after %s: kept %t, want %t", since.age, !since.kept, since.kept)
				}
				w.settled(t, o.ID, org.Ready)
			}
			if passed := w.in.Tenant(o.ID).PassedPolicy().ARN; passed != "" && !w.policyExists(t, passed) {
				t.Errorf("%s is gone", passed)
			}
		})
	}
}

// An organization that goes takes its own policy with it, never that of the others.
func TestDeletionLeavesTheSharedPolicy(t *testing.T) {
	t.Parallel()
	in := names("arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555")
	in.SessionPolicyMode = tenancy.ABAC
	in, err := tenancy.New(in)
	if err != nil {
		t.Fatal(err)
	}
	o := org.Organization{ID: org.NewID(), State: org.Deleting}
	desired := reconcile.Desire(in, o, "AROAEXAMPLEEXAMPLE000")
	shared := text(t, in.SharedPolicy())
	for name, row := range map[string]struct {
		own  []byte
		want string
	}{"no policy of its own": {nil, ""}, "one of an older mode": {[]byte("{}"), "delete session policy " + in.Tenant(o.ID).SessionPolicyARN()}} {
		plan, err := reconcile.Difference(desired, reconcile.Observed{SessionPolicy: row.own, SharedPolicy: shared, Retained: true})
		var steps []string
		for _, step := range plan {
			steps = append(steps, step.String())
		}
		if got := strings.Join(steps, "; "); err != nil || got != row.want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, row.want)
		}
	}
}

// I7: safe to kill between any two calls, also while the policy of all is made.
func TestI7KilledWhileTheSharedPolicyIsMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.switchTo(t, tenancy.ABAC)
	for n := int64(1); ; n++ {
		if err := w.root.DeletePolicy(t.Context(), w.in.SharedPolicyARN()); err != nil {
			t.Fatal(err)
		}
		o := w.organization(t)
		ctx, kill := context.WithCancel(t.Context())
		dying := &interrupter{network: w.network, kill: kill, at: n, after: n%2 == 0}
		err := w.reconciler(t, dying).Reconcile(ctx, o.ID)
		kill()
		if !dying.reached() {
			if err != nil {
				t.Fatalf("without interruption: %v", err)
			}
			break
		}
		if err := w.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
			t.Errorf("request %d: %v", n, err)
		}
		w.settled(t, o.ID, org.Ready)
	}
}

// In no mode does a cycle read a policy of an organization: listings show which there are.
// What another mode has left is found in one, when its grace is over.
func TestACycleReadsNoSessionPolicy(t *testing.T) {
	t.Parallel()
	for _, mode := range []tenancy.SessionPolicyMode{tenancy.Managed, tenancy.Inline, tenancy.ABAC} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			left := w.made(t, w.reconciler(t, w.network), 1)[0]
			w.switchTo(t, mode)
			r := w.reconciler(t, w.network)
			w.made(t, r, 2)
			if err := r.Reconcile(t.Context(), left.ID); err != nil { // the cycle's job, as another mode is another scheme
				t.Fatal(err)
			}
			for _, since := range []struct {
				age time.Duration
				due int
			}{{0, 0}, {reconcile.Grace + time.Second, map[bool]int{true: 0, false: 1}[mode == tenancy.Managed]}} {
				r.InModeSince(time.Now().Add(-since.age))
				w.aws.Journal().Clear()
				if tally := w.cycle(t, r); tally.Due != since.due || tally.Drifted != 0 {
					t.Errorf("after %s: cycle %+v, want %d due", since.age, tally, since.due)
				}
				for _, operation := range w.operations(t) {
					if operation == "GetPolicy" || operation == "GetPolicyVersion" {
						t.Errorf("after %s: %s", since.age, operation)
					}
				}
				if err := r.Reconcile(t.Context(), left.ID); err != nil {
					t.Fatal(err)
				}
			}
			if w.policyExists(t, w.in.Tenant(left.ID).SessionPolicyARN()) != (mode == tenancy.Managed) {
				t.Error("the policy of the older mode is there, or that of this mode is not")
			}
			if tally := w.cycle(t, r); tally.Due+tally.Drifted != 0 {
				t.Errorf("at last: cycle %+v", tally)
			}
		})
	}
}
