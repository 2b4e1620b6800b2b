package reconcile_test

import (
	"iter"
	"net/http"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// TestScale is the small one: see TestTenThousandOrganizations.
func TestScale(t *testing.T) {
	t.Parallel()
	scale(t, 60, 2*time.Second) // in which there is time for ten glances
}

// scale makes n organizations, as they come to be: each takes four calls of AWS at most.
// Then nothing happens, which takes a few calls in each cycle and, where nobody else runs,
// no memory.
func scale(t *testing.T, n int, interval time.Duration) {
	w := newWorldOn(t, databasetest.Target(t, "sqlite"), func(c *emulator.Config) { c.Policies, c.AccessPoints = n+100, n+100 })
	r := w.hasty(t, interval)
	seeding := time.Now()
	for range n {
		w.organization(t)
	}
	t.Logf("seeded in %s", time.Since(seeding).Round(time.Millisecond))
	w.aws.Journal().Clear()
	calls := &counted{w: w}
	began, worked := time.Now(), cpu(t)
	w.reconcileAll(t, r, n, calls.count)
	took := time.Since(began)
	t.Logf("%d organizations in %s, %.1f a second, %s of CPU each, %.2f calls each", n, took.Round(time.Millisecond),
		float64(n)/took.Seconds(), ((cpu(t) - worked) / time.Duration(n)).Round(10*time.Microsecond), float64(calls.made)/float64(n))
	if calls.made > 4*n {
		t.Errorf("%d calls of AWS for %d organizations", calls.made, n)
	}

	var before uint64
	for i := range 4 {
		w.aws.Journal().Clear()
		tally := w.cycle(t, r)
		calls := w.calls(t)
		memory := heap()
		if i == 0 {
			before = memory
		}
		t.Logf("cycle: %d calls, %d glances, %s, %d KiB in use", calls, tally.Glanced, tally.Took.Round(time.Millisecond), memory>>10)
		listings := 1 + 2*((n+999)/1000+1) // the account has a few others
		if tally.Organizations != n || tally.Due+tally.Drifted != 0 || calls > listings+2*tally.Glanced {
			t.Errorf("%d calls, %+v", calls, tally)
		}
		if n >= 10_000 && calls > 60 {
			t.Errorf("%d calls: a steady cycle takes no more than 60", calls)
		}
		// A small one has others beside it, and their memory.
		if n >= 10_000 && memory > before+before/4+(8<<20) {
			t.Errorf("%d KiB in use, %d after the first cycle", memory>>10, before>>10)
		}
	}
}

// reconcileAll does what a replica's jobs do, without their queue. It calls often now and
// then.
func (w *world) reconcileAll(t *testing.T, r *reconcile.Reconciler, n int, often func()) {
	t.Helper()
	pending, err := w.db.OrganizationsToReconcile(t.Context(), org.ID{}, n, org.Pending)
	if err != nil || len(pending) != n {
		t.Fatalf("%d organizations, %v", len(pending), err)
	}
	for some := range slices.Chunk(pending, 100) {
		var replica errgroup.Group
		replica.SetLimit(32)
		for _, o := range some {
			replica.Go(func() error { return r.Reconcile(t.Context(), o.ID) })
		}
		if err := replica.Wait(); err != nil {
			t.Fatal(err)
		}
		often()
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// hasty is a reconciler whose rates an operator has lifted.
func (w *world) hasty(t *testing.T, interval time.Duration, options ...func(*reconcile.Config)) *reconcile.Reconciler {
	t.Helper()
	c := w.unpaced(t, w.identity, w.network)
	return w.reconciler(t, w.network, func(cfg *reconcile.Config) {
		cfg.AccessPoints, cfg.Policies, cfg.Roles, cfg.Listings = c, c, c, c
		cfg.Interval, cfg.Log, cfg.Standing = interval, nil, w.db
		for _, option := range options {
			option(cfg)
		}
	})
}

// unpaced is a Cloud whose rates are lifted.
func (w *world) unpaced(t *testing.T, credentials awscloud.Credentials, network http.RoundTripper) *awscloud.Cloud {
	t.Helper()
	lifted := cloud.Rate{PerSecond: 10_000, Burst: 10_000}
	rates, err := awscloud.NewRates(map[string]cloud.Rate{"iam": lifted, "s3control": lifted})
	if err != nil {
		t.Fatal(err)
	}
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: "us-east-1", AccountID: "123456789012", Endpoint: w.endpoint, Credentials: credentials, Transport: network, Rates: rates,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// counted are the calls of AWS, but those for the pod's credentials; it counts often
// enough for the journal to have them all.
type counted struct {
	w    *world
	last uint64
	made int
}

func (c *counted) count() {
	for _, e := range c.w.aws.Journal().Entries(journal.Filter{}) {
		if e.Sequence <= c.last {
			continue
		}
		c.last = e.Sequence
		if e.Service != "sts" {
			c.made++
		}
	}
}

// cpu is what this process has used, the embedded AWS's part included.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// crowd is what listings and the database show of n organizations.
func crowd(in tenancy.Installation, n int) (page []org.Organization, remembered map[org.ID]registry.Seen, points iter.Seq2[cloud.AccessPoint, error], policies iter.Seq2[cloud.Policy, error]) {
	remembered = map[org.ID]registry.Seen{}
	updated := time.Unix(1_790_000_000, 0)
	policyOf := func(t tenancy.Tenant) cloud.Policy {
		return cloud.Policy{Name: t.SessionPolicyName(), ARN: t.SessionPolicyARN(), ID: "ANPA" + t.ID().Compact()[:17], DefaultVersion: "v1", Updated: updated}
	}
	scheme := reconcile.Scheme(in, roleID)
	for range n {
		id := org.NewID()
		page = append(page, org.Organization{ID: id, State: org.Ready})
		seen := reconcile.SeenOf(policyOf(in.Tenant(id)))
		seen.Alias, seen.Scheme = id.Compact(), scheme
		remembered[id] = seen
	}
	points = func(yield func(cloud.AccessPoint, error) bool) {
		for _, o := range page {
			if !yield(cloud.AccessPoint{Name: in.Tenant(o.ID).APName(), Bucket: in.BucketName, NetworkOrigin: "Internet", Alias: o.ID.Compact()}, nil) {
				return
			}
		}
	}
	policies = func(yield func(cloud.Policy, error) bool) {
		for _, o := range page {
			if !yield(policyOf(in.Tenant(o.ID)), nil) {
				return
			}
		}
	}
	return page, remembered, points, policies
}

// The pure part of a cycle over 100,000 organizations, one of which has changed.
func TestComparingAHundredThousand(t *testing.T) {
	t.Parallel()
	const n = 100_000
	in := example(t)
	page, remembered, points, policies := crowd(in, n)
	changed := page[n/2].ID
	seen := remembered[changed]
	seen.PolicyVersion = "v0"
	remembered[changed] = seen
	began := time.Now()
	all, err := reconcile.Gather(in, points, policies)
	if err != nil {
		t.Fatal(err)
	}
	due, same := reconcile.Compare(page, all, remembered, reconcile.Scheme(in, roleID))
	turns := reconcile.Turn(same, org.ID{}, 174)
	t.Logf("%d organizations compared in %s", n, time.Since(began).Round(time.Millisecond))
	if len(due) != 1 || due[0] != changed || len(same) != n-1 || len(all) != 0 || len(turns) != 174 {
		t.Errorf("due %v, the same %d, left %d, turns %d", due, len(same), len(all), len(turns))
	}
}
