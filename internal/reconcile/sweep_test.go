package reconcile_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/org"
)

// TestFaultSweep: every call of AWS and of the database that an organization's creation,
// repair, deletion with its purge, and return take meets every fault once, in an
// organization of its own. Then it is done again as the backend does it: by the next try
// of the same process, or, when that was killed, by a new one. What the organization has
// then is what one has on which nothing went wrong, nothing was made twice, and nothing of
// anybody else has changed.
func TestFaultSweep(t *testing.T) {
	t.Parallel()
	var tally sweepTally
	eachSweepLane(t, func(t *testing.T, op operation, lane int) {
		newSweepLane(t, op, "ready", "deleted", "changed", "pending").sweep(t, lane, &tally)
	})
	tally.report(t, len(sweepFaults))
}

// eachSweepLane has all lanes at work at once: mostly they wait.
func eachSweepLane(t *testing.T, work func(t *testing.T, op operation, lane int)) {
	t.Helper()
	var lanes sync.WaitGroup
	for _, op := range sweepOperations {
		for lane := range sweepLanes {
			lanes.Go(func() {
				t.Run(fmt.Sprintf("%s-%d", op.name, lane), func(t *testing.T) { work(t, op, lane) })
			})
		}
	}
	lanes.Wait()
}

// sweepLane is an account and a database in which the cases of one operation run, one
// after the other.
type sweepLane struct {
	op         operation
	w          *world
	target     string
	ledger     *ledger
	healthy    *process // on which nothing goes wrong
	neighbours map[string]org.Organization
	before     map[string]string // what AWS has of the neighbours
}

func newSweepLane(t *testing.T, op operation, neighbours ...string) *sweepLane {
	t.Helper()
	target := databasetest.Postgres(t)
	w := newWorldOn(t, target)
	in := names("")
	in.PurgeRoleName = "tenant-purge"
	w.provisionAs(t, in)
	key := w.aws.RootCredentials()
	w.root = w.unpaced(t, awscloud.StaticCredentials(key.AccessKeyID, key.SecretAccessKey), w.network)
	l := &sweepLane{op: op, w: w, target: target, ledger: w.ledger(t, target), before: map[string]string{}}
	l.healthy = w.process(t, target, 30*24*time.Hour, 0)
	t.Cleanup(func() { l.healthy.close(t) })
	l.neighbours = map[string]org.Organization{}
	kinds := map[string]func(org.Organization){
		"ready":   func(o org.Organization) { l.living(t, o) },
		"deleted": func(o org.Organization) { l.living(t, o); l.healthily(t, remove, o) },
		"changed": func(o org.Organization) { l.living(t, o); l.change(t, o.ID) },
		"pending": func(o org.Organization) {
			if err := create(t.Context(), l.healthy, o); err != nil {
				t.Fatal(err)
			}
		},
	}
	for _, name := range neighbours {
		o := unborn()
		kinds[name](o)
		l.neighbours[name], l.before[name] = o, l.ledger.exactly(t, o.ID)
	}
	return l
}

// unborn is an organization that nobody knows yet.
func unborn() org.Organization {
	id, now := org.NewID(), time.Now()
	return org.Organization{ID: id, Name: org.Name("o-" + id.Compact()), State: org.Pending, CreatedAt: now, UpdatedAt: now}
}

// sweep runs the lane's share of the cases.
func (l *sweepLane) sweep(t *testing.T, lane int, tally *sweepTally) {
	t.Helper()
	calls, want := l.clean(t)
	tally.calls(l.op.name, calls)
	for _, one := range l.share(calls, sweepFaults, lane) {
		if l.run(t, one.at, calls[one.at-1], one.fault, want) {
			tally.add(l.op.name, one.fault, calls[one.at-1])
		}
	}
	l.untouched(t)
}

// untouched checks at the end that AWS has of the neighbours what it had.
func (l *sweepLane) untouched(t *testing.T) {
	t.Helper()
	for name, o := range l.neighbours {
		if diff := cmp.Diff(l.before[name], l.ledger.exactly(t, o.ID)); diff != "" {
			t.Errorf("%s: what AWS has of the organization that is %s changed (-before +after):\n%s", l.op.name, name, diff)
		}
	}
}

type sweepCase struct {
	at    int // from 1
	fault fault
}

// share returns the cases of one lane: of the whole sweep, or of every so manieth, which
// begin in each operation at another.
func (l *sweepLane) share(calls []call, faults []fault, lane int) (mine []sweepCase) {
	n := 0
	for at := range calls {
		for _, f := range faults {
			if n%sweepStride == len(l.op.name)%sweepStride && n/sweepStride%sweepLanes == lane {
				mine = append(mine, sweepCase{at + 1, f})
			}
			n++
		}
	}
	return mine
}

// clean runs the operation without a fault, and returns its calls and what comes of it.
func (l *sweepLane) clean(t *testing.T) ([]call, []string) {
	t.Helper()
	o := unborn()
	l.op.prepare(t, l, o)
	p := l.w.process(t, l.target, l.op.retention, 0)
	defer p.close(t)
	p.script.play(0, fault{})
	err := l.op.run(p.ctx, p, o)
	calls, _ := p.script.stop()
	if err != nil {
		t.Fatal(err)
	}
	l.finished(t, o.ID)
	return calls, l.ledger.meaning(t, o.ID)
}

// run is one case.
func (l *sweepLane) run(t *testing.T, at int, c call, f fault, want []string) bool {
	t.Helper()
	what := fmt.Sprintf("%s, call %d (%s), %s", l.op.name, at, c, f.name)
	o := unborn()
	l.op.prepare(t, l, o)
	since := l.lastCall()
	_, others := l.ledger.rows(t, o.ID)
	listing := l.ledger.listing(t, o.ID)

	p := l.w.process(t, l.target, l.op.retention, 0)
	defer p.close(t)
	p.script.play(at, f)
	failed := l.op.run(p.ctx, p, o)
	calls, hit := p.script.stop()
	if !hit {
		t.Errorf("%s: it was not met in %d calls: %v", what, len(calls), failed)
		return false
	}
	if calls[at-1] != c {
		t.Errorf("%s: another call met it: %s", what, calls[at-1])
	}
	if f.kind == killing && failed == nil {
		t.Errorf("%s: killed and successful", what)
	}
	if failed != nil {
		again := l.w.process(t, l.target, l.op.retention, time.Hour) // the lease of a purge is over
		defer again.close(t)
		if f.kind != killing { // the same process tries again
			again.reconciler, again.db = p.reconciler, p.db
			again.ctx = newEnding(t.Context())
		}
		if err := l.op.run(again.ctx, again, o); err != nil {
			t.Errorf("%s: first %v, and then again: %v", what, failed, err)
		}
	}
	l.finished(t, o.ID)
	if diff := cmp.Diff(want, l.ledger.meaning(t, o.ID)); diff != "" {
		t.Errorf("%s: first %v; what there is in the end (-want +got):\n%s", what, failed, diff)
	}
	l.madeOnce(t, what, o.ID, since)
	if _, now := l.ledger.rows(t, o.ID); !cmp.Equal(others, now) {
		t.Errorf("%s: rows of others (-before +after):\n%s", what, cmp.Diff(others, now))
	}
	if diff := cmp.Diff(listing, l.ledger.listing(t, o.ID)); diff != "" {
		t.Errorf("%s: what others have in AWS (-before +after):\n%s", what, diff)
	}
	return true
}

// finished checks that nothing is left to be done for an organization, and that what is
// remembered of it is what there is.
func (l *sweepLane) finished(t *testing.T, id org.ID) {
	t.Helper()
	o, err := l.w.db.OrganizationByID(t.Context(), id)
	if err != nil || o.State != l.op.want {
		t.Errorf("%s: %+v, %v", l.op.name, o, err)
		return
	}
	plan, seen, err := l.healthy.reconciler.Looked(t.Context(), o)
	if err != nil || len(plan) != 0 {
		t.Errorf("%s: left to do: %v, %v", l.op.name, plan, err)
	}
	remembered, err := l.w.db.Seen(t.Context(), id, id)
	if err != nil || o.State == org.Ready && remembered[id] != seen {
		t.Errorf("%s: remembered is %+v, and there is %+v, %v", l.op.name, remembered[id], seen, err)
	}
}

func (l *sweepLane) lastCall() uint64 {
	entries := l.w.aws.Journal().Entries(journal.Filter{Limit: 1})
	if len(entries) == 0 {
		return 0
	}
	return entries[0].Sequence
}

// madeOnce checks in the journal that nothing was made twice, and that whatever the
// backend changed has the organization's name.
func (l *sweepLane) madeOnce(t *testing.T, what string, id org.ID, since uint64) {
	t.Helper()
	made := map[string]int{}
	for _, e := range l.w.aws.Journal().Entries(journal.Filter{After: since}) {
		backend := strings.Contains(e.Caller, l.w.in.BackendRoleName) || strings.Contains(e.Caller, l.w.in.PurgeRoleName)
		if !backend || e.Status >= 300 || strings.HasPrefix(e.Operation, "Get") || strings.HasPrefix(e.Operation, "List") || e.Operation == "AssumeRole" {
			continue
		}
		if !speaksOf(e.Resource, id) && e.Operation != "DeleteObjects" {
			t.Errorf("%s: %s of %s", what, e.Operation, e.Resource)
		}
		if e.Operation == "CreatePolicy" || e.Operation == "CreateAccessPoint" {
			made[e.Operation]++
		}
	}
	for operation, n := range made {
		if n > 1 {
			t.Errorf("%s: %s happened %d times", what, operation, n)
		}
	}
}
