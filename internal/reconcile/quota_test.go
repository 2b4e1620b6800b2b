package reconcile_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
)

// quotas are those of the account as somebody sees them, with three access points, of which
// some are kept free.
func (w *world) quotas(t *testing.T, account reconcile.Account, reserve int) *reconcile.Quotas {
	t.Helper()
	q := reconcile.NewQuotas(reconcile.QuotaConfig{
		Installation: w.in, Account: account, AccessPoints: 3, Reserve: reserve, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err := q.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return q
}

func (w *world) guarded(t *testing.T, q *reconcile.Quotas) *reconcile.Reconciler {
	t.Helper()
	c := w.cloud(t, w.identity, w.network)
	return reconcile.New(reconcile.Config{
		Installation: w.in, AccessPoints: c, Policies: c, Roles: c, Listings: c, Memory: w.db, Organizations: w.db, Secrets: w.secrets, Quotas: q,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
}

// Of a quota of three with one kept free, two organizations have room. The third is told
// why, nothing of it is made, and AWS is not even asked; when there is room it gets it.
func TestAFullAccountHoldsNewOrganizationsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	backend := w.cloud(t, w.identity, w.network)
	q := w.quotas(t, backend, 1)
	r := w.guarded(t, q)
	first, second, third := w.organization(t), w.organization(t), w.organization(t)
	for _, o := range []org.Organization{first, second} {
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		w.settled(t, o.ID, org.Ready)
	}
	w.aws.Journal().Clear()
	if err := r.Reconcile(t.Context(), third.ID); err != nil {
		t.Fatal(err)
	}
	o, err := w.db.OrganizationByID(t.Context(), third.ID)
	if err != nil {
		t.Fatal(err)
	}
	if o.State != org.Degraded || !strings.Contains(o.Reason, "no room for another S3 access point in this Region (2 of 3 in use, 1 kept free)") {
		t.Errorf("%s: %s", o.State, o.Reason)
	}
	for _, e := range w.aws.Journal().Entries(journal.Filter{}) {
		if strings.HasPrefix(e.Operation, "Create") || strings.HasPrefix(e.Operation, "Put") {
			t.Errorf("%s was called", e.Operation)
		}
	}

	// Those that are there are still repaired, and made anew as far as they exist.
	if err := w.root.PutAccessPointPolicy(t.Context(), w.in.Tenant(first.ID).APName(), w.in.Tenant(first.ID).APPolicy("AROASOMEBODY")); err != nil {
		t.Fatal(err)
	}
	if err := r.Reconcile(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	w.settled(t, first.ID, org.Ready)

	if _, err := w.db.SetOrganizationState(t.Context(), second.ID, org.Deleting, ""); err != nil {
		t.Fatal(err)
	}
	for _, o := range []org.Organization{second, third} { // one goes, and leaves room
		if err := r.Reconcile(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.settled(t, third.ID, org.Ready)
}

// What an operator has to do is said when it begins, not in every cycle.
func TestAnOperatorIsCalledOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log bytes.Buffer
	r := w.reconciler(t, w.network, func(cfg *reconcile.Config) {
		cfg.Quotas, cfg.Log = w.quotas(t, w.cloud(t, w.identity, w.network), 3), slog.New(slog.NewTextHandler(&log, nil))
	})
	for _, id := range []org.ID{w.organization(t).ID, w.organization(t).ID} {
		for range 3 {
			if err := r.Reconcile(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(log.String(), `level=ERROR msg="organization needs an operator" org=`+id.String()); n != 1 {
			t.Errorf("said %d times in three looks:\n%s", n, &log)
		}
	}
}

// An organization that lost its access point in a full account keeps being protected: a
// session policy that somebody widened is put right, whatever else has to wait.
func TestAFullAccountStillRepairs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	if err := w.reconciler(t, w.network).Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	tenant := w.in.Tenant(o.ID)
	if err := w.root.DeleteAccessPoint(t.Context(), tenant.APName()); err != nil {
		t.Fatal(err)
	}
	if err := w.root.AddPolicyVersion(t.Context(), tenant.SessionPolicyARN(), w.in.Tenant(org.NewID()).SessionPolicy()); err != nil {
		t.Fatal(err)
	}
	if err := w.guarded(t, w.quotas(t, w.root, 3)).Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	plan, err := w.reconciler(t, w.network).Plan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range plan {
		if _, ok := step.(reconcile.ReplaceSessionPolicy); ok {
			t.Errorf("left to do: %s", step)
		}
	}
	if len(plan) == 0 || plan[0].String() != "create access point "+tenant.APName()+" on bucket "+w.in.BucketName {
		t.Errorf("left to do: %v, want the access point first", plan)
	}
}

// An operator is warned from four fifths on, and sees all in the metrics.
func TestQuotasAreShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for made, warned := range []bool{false, false, false, false, true, true} { // of five
		if made > 0 {
			if _, err := w.root.CreateAccessPoint(t.Context(), fmt.Sprintf("somebody-elses-%d", made), w.in.BucketName); err != nil {
				t.Fatal(err)
			}
		}
		var log bytes.Buffer
		q := reconcile.NewQuotas(reconcile.QuotaConfig{
			Installation: w.in, AccessPoints: 5, Account: w.cloud(t, w.identity, w.network), Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err := q.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "quota=access_points"); got != warned || strings.Count(log.String(), "\n") > 1 {
			t.Errorf("%d of 5: %s", made, log.String())
		}
		const limits = `
# HELP managedcas_quota_limit A quota of the account.
# TYPE managedcas_quota_limit gauge
managedcas_quota_limit{quota="access_point_policy_size"} 20480
managedcas_quota_limit{quota="access_points"} 5
managedcas_quota_limit{quota="policies"} 1500
managedcas_quota_limit{quota="policy_versions"} 10000
managedcas_quota_limit{quota="session_policy_size"} 6144
`
		if err := testutil.CollectAndCompare(q, strings.NewReader(limits), "managedcas_quota_limit"); err != nil {
			t.Error(err)
		}
		if n := testutil.CollectAndCount(q, "managedcas_quota_used"); n != 5 {
			t.Errorf("%d quotas are shown, want 5", n)
		}
	}
}

// An operator who has an access point made anew keeps the wrong one where the account has
// no room for another, and gets the right one where it has: what goes makes room.
func TestRecreateTakesNothingAwayWithoutRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t)
	name := w.in.Tenant(o.ID).APName()
	if err := w.root.CreateBucket(t.Context(), "another-bucket-of-ours"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.root.CreateAccessPoint(t.Context(), name, "another-bucket-of-ours"); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		reserve int // of three, one is in use
		bucket  string
	}{{3, "another-bucket-of-ours"}, {2, w.in.BucketName}} {
		q := w.quotas(t, w.cloud(t, w.identity, w.network), tc.reserve)
		err := w.guarded(t, q).Recreate(t.Context(), o)
		if beyond, ok := errors.AsType[*reconcile.BeyondRepair](err); ok == (tc.reserve < 3) {
			t.Errorf("with %d of 3 kept free: %v, %v", tc.reserve, beyond, err)
		}
		if ap, err := w.root.AccessPoint(t.Context(), name); err != nil || ap.Bucket != tc.bucket {
			t.Errorf("with %d of 3 kept free: %+v, %v", tc.reserve, ap, err)
		}
	}
}

// Organizations that are made at the same time do not all take the last of the room: of
// three with one kept free, two are made of eight.
func TestTheLastRoomIsTakenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.guarded(t, w.quotas(t, w.cloud(t, w.identity, w.network), 1))
	var all sync.WaitGroup
	for range 8 {
		o := w.organization(t)
		all.Go(func() {
			if err := r.Reconcile(t.Context(), o.ID); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n, err := w.root.AccessPointsInUse(t.Context()); n != 2 || err != nil {
		t.Errorf("%d access points of 3 with one kept free, %v", n, err)
	}
}

// What was made counts once, at every moment: who looks while a booking turns into what is
// used must not take an account for full that has room for one more.
func TestWhatIsMadeCountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := reconcile.NewQuotas(reconcile.QuotaConfig{Installation: w.in, Account: w.root, AccessPoints: 1 << 30})
	if err := q.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	used := func() int {
		all := q.Used()
		return all[slices.IndexFunc(all, func(q reconcile.Quota) bool { return q.Name == "access_points" })].Used
	}
	const n = 20_000
	before := used()
	var all sync.WaitGroup
	all.Go(func() {
		for range n {
			q.Make(reconcile.CreateAccessPoint{Name: "one"})
		}
	})
	for range 4 {
		all.Go(func() {
			for last := before; last < before+n; {
				now := used()
				if now < last || now > before+n {
					t.Errorf("%d are used, after %d, of at most %d", now, last, before+n)
					return
				}
				last = now
			}
		})
	}
	all.Wait()
}

// What is not known holds nobody back.
func TestUnknownQuotasHoldNobodyBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.aws.Faults().Replace(faults.Plan{Rules: []faults.Rule{
		{Service: "iam", Operation: "GetAccountSummary", Kind: faults.Failure, Status: 403, Code: "AccessDenied"},
	}}); err != nil {
		t.Fatal(err)
	}
	q := reconcile.NewQuotas(reconcile.QuotaConfig{Installation: w.in, Account: w.cloud(t, w.identity, w.network), AccessPoints: 0, Reserve: 10})
	if err := q.Refresh(t.Context()); !errors.Is(err, cloud.ErrDenied) || len(q.Used()) != 0 {
		t.Errorf("%v, %v", err, q.Used())
	}
	o := w.organization(t)
	if err := w.guarded(t, q).Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	w.settled(t, o.ID, org.Ready)
}
