package reconcile_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/secretstore"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// operations are what AWS was asked, in order; not for the credentials of the backend.
func (w *world) operations(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, e := range w.aws.Journal().Entries(journal.Filter{}) {
		if e.Service != "sts" {
			all = append(all, e.Operation)
		}
	}
	return all
}

// reported has a reconciler report how organizations stand, as the backend's does.
func (w *world) reported(cfg *reconcile.Config) { cfg.Standing = w.db }

// A new organization costs what is created, one call each, whatever the mode of session
// policies and wherever the coordinates are. A cycle takes it for right: what AWS answered
// is what listings show.
func TestANewOrganizationIsCreatedInFourCalls(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		mode    tenancy.SessionPolicyMode
		secrets bool // in AWS Secrets Manager
		want    []string
	}{
		"managed":         {tenancy.Managed, false, []string{"CreatePolicy", "CreateAccessPoint", "PutAccessPointPolicy"}},
		"secrets manager": {tenancy.Managed, true, []string{"CreatePolicy", "CreateAccessPoint", "PutAccessPointPolicy", "CreateSecret"}},
		"abac":            {tenancy.ABAC, false, []string{"CreateAccessPoint", "PutAccessPointPolicy"}},
		"inline":          {tenancy.Inline, false, []string{"CreateAccessPoint", "PutAccessPointPolicy"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.switchTo(t, row.mode)
			if row.secrets {
				manager, err := secretstore.NewSecretsManager(w.cloud(t, w.identity, w.network), w.in)
				if err != nil {
					t.Fatal(err)
				}
				w.secrets = manager
			}
			r := w.reconciler(t, w.network, w.reported)
			w.made(t, r, 1) // the process's first reads the role, and makes what all share
			o := w.organization(t)
			w.aws.Journal().Clear()
			if err := r.Reconcile(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, w.operations(t)); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			w.settled(t, o.ID, org.Ready)
			if tally := w.cycle(t, r); tally.Due+tally.Drifted != 0 {
				t.Errorf("the cycle after it: %+v", tally)
			}
		})
	}
}

// What is there already refuses to be created. Then everything is read, and what is found
// decides: what is ours is completed, what somebody else left is replaced as ever.
func TestWhatIsThereAlreadyIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.reconciler(t, w.network)
	for name, before := range map[string]func(context.Context, tenancy.Tenant) error{
		"session policy of somebody": func(ctx context.Context, tenant tenancy.Tenant) error {
			_, err := w.root.CreatePolicy(ctx, tenant.SessionPolicyName(), "", w.in.Tenant(org.NewID()).SessionPolicy())
			return err
		},
		"access point with a foreign policy": func(ctx context.Context, tenant tenancy.Tenant) error {
			if _, err := w.root.CreateAccessPoint(ctx, tenant.APName(), w.in.BucketName); err != nil {
				return err
			}
			return w.root.PutAccessPointPolicy(ctx, tenant.APName(), tenant.APPolicy("AROAEXAMPLEEXAMPLE000"))
		},
		"coordinates of another": func(ctx context.Context, tenant tenancy.Tenant) error {
			return w.secrets.PutCoordinates(ctx, tenant.ID(), w.in.Tenant(org.NewID()).Coordinates())
		},
	} {
		o := w.organization(t)
		if err := before(t.Context(), w.in.Tenant(o.ID)); err != nil {
			t.Fatal(name, err)
		}
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Error(name, err)
		}
		w.settled(t, o.ID, org.Ready)
	}
}

// One whose creation somebody has begun is read, not created anew: so is one that was
// brought back, and one whose process died.
func TestACreationThatWasBegunIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	begun := registry.Condition{Type: registry.Provisioned, Status: registry.False, Reason: "Provisioning"}
	if err := w.db.Report(t.Context(), o.ID, []registry.Condition{begun}); err != nil {
		t.Fatal(err)
	}
	w.aws.Journal().Clear()
	if err := w.reconciler(t, w.network, w.reported).Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	calls := w.operations(t)
	if first := slices.Index(calls, "CreatePolicy"); first < slices.Index(calls, "GetPolicy") || !slices.Contains(calls, "GetAccessPointPolicy") {
		t.Errorf("calls %v", calls)
	}
	w.settled(t, o.ID, org.Ready)
}

// A creation whose answer is lost was one all the same: the SDK's repetition is refused,
// and what is there is read before anything else is written.
func TestALostAnswerIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, operation := range []string{"CreatePolicy", "CreateAccessPoint"} {
		o := w.organization(t)
		if err := w.aws.Faults().Replace(faults.Plan{Rules: []faults.Rule{{Operation: operation, Count: 1, Kind: faults.CutAfter}}}); err != nil {
			t.Fatal(err)
		}
		w.aws.Journal().Clear()
		if err := w.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		calls := w.operations(t)
		if read, put := slices.Index(calls, "GetAccessPoint"), slices.Index(calls, "PutAccessPointPolicy"); read < 0 || put < read {
			t.Errorf("%s: calls %v", operation, calls)
		}
		w.settled(t, o.ID, org.Ready)
	}
}

// A full account has no room for what is there already.
func TestAFullAccountTakesWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	tenant := w.in.Tenant(o.ID)
	if _, err := w.root.CreatePolicy(t.Context(), tenant.SessionPolicyName(), "", tenant.SessionPolicy()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.root.CreateAccessPoint(t.Context(), tenant.APName(), w.in.BucketName); err != nil {
		t.Fatal(err)
	}
	if err := w.guarded(t, w.quotas(t, w.root, 3)).Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	w.settled(t, o.ID, org.Ready)
}
