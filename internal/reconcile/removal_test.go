package reconcile_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
)

// The order of a deletion: what is new ends first, then what lives.
func TestRemovalEndsNewSessionsFirst(t *testing.T) {
	t.Parallel()
	o := org.Organization{ID: org.NewID(), State: org.Deleting}
	desired := reconcile.Desire(example(t), o, roleID)
	tenant := desired.Tenant
	all := []string{
		"delete the storage backend of organization " + o.ID.String(),
		"delete the coordinates of organization " + o.ID.String(),
		"deny all data through access point " + tenant.APName(),
		"delete access point " + tenant.APName(),
		"delete session policy " + tenant.SessionPolicyARN(),
		"record the retention of the objects of organization " + o.ID.String(),
	}
	for name, row := range map[string]struct {
		change func(*reconcile.Observed)
		want   []string
	}{
		"everything is there": {func(*reconcile.Observed) {}, all},
		"a backend that was never ready": {func(o *reconcile.Observed) {
			*o = reconcile.Observed{BackendRecorded: true, Retained: true}
		}, all[:1]},
		"the access point is closed": {func(o *reconcile.Observed) {
			o.AccessPointPolicy = text(t, desired.ClosedPolicy)
		}, append(append([]string{}, all[:2]...), all[3:]...)},
		"the access point has no policy": {func(o *reconcile.Observed) {
			o.AccessPointPolicy = nil
		}, all},
		"somebody else's access point": {func(o *reconcile.Observed) {
			o.AccessPoint.Bucket = "elsewhere"
		}, append(append([]string{}, all[:2]...), all[4:]...)},
		"only the retention is left": {func(o *reconcile.Observed) { *o = reconcile.Observed{} }, all[5:]},
		"nothing is left": {func(o *reconcile.Observed) {
			*o = reconcile.Observed{Retained: true}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			observed := complete(t, desired)
			row.change(&observed)
			plan, err := reconcile.Difference(desired, observed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, words(plan)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// living is an organization with an artifact, and a session that was made before its
// deletion, as a cas process keeps them.
type living struct {
	org.Organization
	key     string
	digest  digest.Digest
	objects *awscloud.Objects
}

func (w *world) living(t *testing.T) living {
	t.Helper()
	o := w.organization(t)
	if err := w.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	l := living{Organization: o, objects: w.objects(t, o.ID)}
	content := []byte("the same content in every organization")
	l.digest = digest.Of(content)
	l.key = w.in.Tenant(o.ID).ObjectKey(l.digest)
	if err := l.objects.Put(t.Context(), l.key, l.digest, int64(len(content)), bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	if err := l.reads(t); err != nil {
		t.Fatal(err)
	}
	return l
}

// reads lists and reads with the living session, and returns why that failed.
func (l living) reads(t *testing.T) error {
	t.Helper()
	_, errStat := l.objects.Stat(t.Context(), l.key)
	_, errList := l.objects.Exists(t.Context(), l.key)
	if (errStat == nil) != (errList == nil) {
		t.Errorf("reading: %v, listing: %v", errStat, errList)
	}
	return errors.Join(errStat, errList)
}

// delete asks for the deletion and has it carried out until the network is interrupted
// at its nth call.
func (w *world) delete(t *testing.T, id org.ID, n int64, after bool) (done bool) {
	t.Helper()
	if _, err := w.db.SetOrganizationState(t.Context(), id, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	dying := &interrupter{network: w.network, kill: kill, at: n, after: after}
	err := w.reconciler(t, dying).Reconcile(ctx, id)
	if dying.reached() != (err != nil) {
		t.Fatalf("request %d (after %t): reached %t, %v", n, after, dying.reached(), err)
	}
	return !dying.reached()
}

// closed reports whether the access point denies everything, or is gone altogether.
func (w *world) closed(t *testing.T, id org.ID) (closed, gone bool) {
	t.Helper()
	tenant := w.in.Tenant(id)
	have, err := w.root.AccessPointPolicy(t.Context(), tenant.APName())
	if errors.Is(err, cloud.ErrNotFound) {
		return true, true
	}
	if err != nil {
		t.Fatal(err)
	}
	policy, err := iam.Parse(iam.KindAP, have)
	return err == nil && bytes.Equal(policy.Canonical(), tenant.ClosedAPPolicy().Canonical()), false
}

// I7: a deletion is safe to kill between any two calls, and goes on. A living session is
// at its end from the moment at which the access point is closed, and not after its hour.
func TestI7DeletionKilledBetweenAnyTwoCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.living(t)
	var open, closed, goneAlready int
	for _, after := range []bool{false, true} {
		for n, done := int64(1), false; !done; n++ {
			l := w.living(t)
			done = w.delete(t, l.ID, n, after)
			err := l.reads(t)
			switch denied, gone := w.closed(t, l.ID); {
			case denied:
				if gone {
					goneAlready++
				} else {
					closed++
				}
				if err == nil {
					t.Errorf("request %d (after %t): a living session reads through a closed access point", n, after)
				}
			default:
				open++
				if err != nil {
					t.Errorf("request %d (after %t): the session fails before the access point is closed: %v", n, after, err)
				}
			}
			if err := w.reconciler(t, w.network).Reconcile(t.Context(), l.ID); err != nil {
				t.Errorf("request %d (after %t): %v", n, after, err)
			}
			w.settled(t, l.ID, org.Deleted)
			if err := l.reads(t); err == nil {
				t.Errorf("request %d (after %t): a living session outlives the organization", n, after)
			}
		}
	}
	if open == 0 || closed == 0 || goneAlready == 0 {
		t.Errorf("open %d times, closed %d, gone %d: want some of each", open, closed, goneAlready)
	}
	if err := neighbour.reads(t); err != nil {
		t.Errorf("the neighbour: %v", err)
	}
}

// What is left of a deleted organization is its row, and when its objects may go.
func TestRetentionIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.living(t)
	before := time.Now()
	w.delete(t, l.ID, 1<<30, false)
	w.settled(t, l.ID, org.Deleted)
	d, err := w.db.Deletion(t.Context(), l.ID)
	if err != nil || d.PurgeAt.Sub(d.DeletedAt) != reconcile.DefaultRetention || d.DeletedAt.Before(before.Add(-time.Second)) || !d.BegunAt.IsZero() || !d.PurgedAt.IsZero() {
		t.Errorf("%+v, %v", d, err)
	}
	if backends, err := w.db.Backends(t.Context(), l.ID); err != nil || len(backends) != 0 {
		t.Errorf("backends %v, %v", backends, err)
	}
	// A process with another configuration takes nothing back from what was promised.
	if err := w.db.RetainObjects(t.Context(), l.ID, 0); err != nil {
		t.Fatal(err)
	}
	if again, err := w.db.Deletion(t.Context(), l.ID); err != nil || again != d {
		t.Errorf("then %+v, %v", again, err)
	}
}

// An organization comes back from every stage of its deletion, with the artifacts that it
// had.
func TestUndeletedAtEveryStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n, done := int64(1), false; !done; n++ {
		l := w.living(t)
		done = w.delete(t, l.ID, n, true)
		back, err := w.db.UndeleteOrganization(t.Context(), l.ID, "")
		if err != nil || back.State != org.Pending || back.Name != l.Name {
			t.Fatalf("request %d: %+v, %v", n, back, err)
		}
		if err := w.reconciler(t, w.network).Reconcile(t.Context(), l.ID); err != nil {
			t.Fatalf("request %d: %v", n, err)
		}
		w.settled(t, l.ID, org.Ready)
		l.objects = w.objects(t, l.ID)
		if err := l.reads(t); err != nil {
			t.Errorf("request %d: the artifact is not there again: %v", n, err)
		}
		if _, err := w.db.Deletion(t.Context(), l.ID); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("request %d: the deletion is still recorded: %v", n, err)
		}
	}
}

// Who is killed between the end of a deletion and its report leaves a report that is out
// of date, and so does a failure that is reported last: the next try reports what there is.
func TestDeletedIsReportedByTheNextTry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	r := w.reconciler(t, w.network, func(cfg *reconcile.Config) { cfg.Standing = w.db })
	if _, err := w.db.SetOrganizationState(t.Context(), o.ID, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	want := w.conditions(t, o.ID)
	for _, of := range registry.ConditionTypes {
		late := registry.Condition{Type: of, Status: registry.Unknown, Reason: "NotObserved"}
		if err := w.db.Report(t.Context(), o.ID, []registry.Condition{late}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, w.conditions(t, o.ID)); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	if n := w.events(t, o.ID)["Deleted"]; n != 2 { // one for each time that it was news
		t.Errorf("%d events", n)
	}
}
