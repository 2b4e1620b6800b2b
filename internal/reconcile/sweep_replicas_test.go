package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/org"
)

// TestFaultSweepOfReplicas: two replicas work on the jobs of one PostgreSQL. One of them
// has the job, and one of the job's calls meets a fault, which is its death in a third of
// the cases. Either of them, or the other one, finishes the job: soon, with nothing made
// twice, and with nothing of others changed. Calls on which no answer comes are not among
// the faults: they take the job's 45 seconds, and TestFaultSweep has them.
func TestFaultSweepOfReplicas(t *testing.T) {
	t.Parallel()
	answered := slices.DeleteFunc(slices.Clone(sweepFaults), func(f fault) bool { return f.kind == silent })
	var tally sweepTally
	var pickUps pickUps
	eachSweepLane(t, func(t *testing.T, op operation, lane int) {
		r := newReplicas(t, op)
		calls, want := r.clean(t)
		tally.calls(op.name, calls)
		for _, one := range r.share(calls, answered, lane) {
			if r.meets(t, one, calls, want, &pickUps) {
				tally.add(op.name, one.fault, calls[one.at-1])
			}
		}
		r.untouched(t)
	})
	tally.report(t, len(answered))
	pickUps.report(t)
}

// replicas is a lane in which one replica, the survivor, lives all the time.
type replicas struct {
	*sweepLane
	survivor *process
	ending   sync.WaitGroup
}

func newReplicas(t *testing.T, op operation) *replicas {
	t.Helper()
	op.purges = false // not by a job
	r := &replicas{sweepLane: newSweepLane(t, op, "ready", "deleted")}
	r.forgetJobs(t)
	r.survivor = r.w.process(t, r.target, op.retention, 0)
	r.survivor.gate = newGate()
	ended := make(chan error, 1)
	go func() { ended <- r.survivor.reconciler.Run(r.survivor.ctx) }()
	eventually(t, func() bool { // its cycle is over, and asks for no job in the middle of a case
		return metrics(t, r.survivor.reconciler.Collectors()...)["managedcas_cycle_success_timestamp_seconds"] > 0
	})
	t.Cleanup(func() {
		r.ending.Wait()
		r.survivor.ctx.end(context.Canceled)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		r.survivor.close(t)
	})
	return r
}

// forgetJobs takes jobs away that the preparation has done itself.
func (r *replicas) forgetJobs(t *testing.T) {
	t.Helper()
	if _, err := r.ledger.conn.Exec(t.Context(), "DELETE FROM river_job"); err != nil {
		t.Fatal(err)
	}
}

// begin prepares a case and starts a replica that will get its job. From the first call of
// the job on, the survivor may have it as well.
func (r *replicas) begin(t *testing.T, o org.Organization, at int, f fault) *process {
	t.Helper()
	r.survivor.gate.close(t)
	r.op.prepare(t, r.sweepLane, o)
	r.forgetJobs(t)
	p := r.w.process(t, r.target, r.op.retention, 0)
	p.about = o.ID
	p.script.first = r.survivor.gate.open
	p.script.play(at, f)
	p.working.Go(func() {
		_ = p.jobs.Work(p.ctx, 1, p.reconciler.Reconcile) // always nil
	})
	return p
}

// end ends a replica. One that was killed needs a while to find out; nobody waits for it.
func (r *replicas) end(t *testing.T, p *process) {
	t.Helper()
	p.ctx.end(context.Canceled)
	r.ending.Go(func() {
		p.working.Wait()
		p.close(t)
	})
	if !p.dead.Load() { // else it might take the next job
		p.working.Wait()
	}
}

// clean runs the operation without a fault, and returns the calls of its job and what
// comes of it.
func (r *replicas) clean(t *testing.T) ([]call, []string) {
	t.Helper()
	var last []call
	for range overtakings {
		o := unborn()
		p := r.begin(t, o, 0, fault{})
		if err := r.op.ask(t.Context(), r.healthy, o); err != nil {
			t.Fatal(err)
		}
		r.done(t, o.ID)
		r.end(t, p)
		calls, _ := p.script.stop()
		if slices.Equal(calls, last) {
			return calls, r.ledger.meaning(t, o.ID)
		}
		last = calls
	}
	t.Fatalf("the calls are others each time, the last ones:\n%v", last)
	return nil, nil
}

// overtakings is how often something is repeated because the other replica's transactions
// came between: PostgreSQL has one of two done again, which makes other calls.
// The busier the machine, the more often.
const overtakings = 20

// meets has a call meet a fault, again if it was another call that met it.
func (r *replicas) meets(t *testing.T, one sweepCase, calls []call, want []string, pickUps *pickUps) bool {
	t.Helper()
	for range overtakings {
		if r.run(t, one, calls, want, pickUps) {
			return true
		}
	}
	t.Errorf("%s: call %d (%s) did not meet %s", r.op.name, one.at, calls[one.at-1], one.fault.name)
	return false
}

// run is one case. It reports whether it was the right call that met the fault.
func (r *replicas) run(t *testing.T, one sweepCase, calls []call, want []string, pickUps *pickUps) bool {
	t.Helper()
	what := fmt.Sprintf("%s, call %d (%s), %s", r.op.name, one.at, calls[one.at-1], one.fault.name)
	o := unborn()
	p := r.begin(t, o, one.at, one.fault)
	since := r.lastCall()
	others := r.others(t, o.ID)
	listing := r.ledger.listing(t, o.ID)
	if err := r.op.ask(t.Context(), r.healthy, o); err != nil {
		t.Fatal(err)
	}
	took := r.done(t, o.ID)
	r.end(t, p)
	met, hit := p.script.stop()
	if hit && one.fault.kind == killing {
		pickUps.add(took.Sub(p.died()))
	}
	r.finished(t, o.ID)
	if diff := cmp.Diff(want, r.ledger.meaning(t, o.ID)); diff != "" {
		t.Errorf("%s: what there is in the end (-want +got):\n%s", what, diff)
	}
	r.madeOnce(t, what, o.ID, since)
	if diff := cmp.Diff(others, r.others(t, o.ID)); diff != "" {
		t.Errorf("%s: rows of others (-before +after):\n%s", what, diff)
	}
	if diff := cmp.Diff(listing, r.ledger.listing(t, o.ID)); diff != "" {
		t.Errorf("%s: what others have in AWS (-before +after):\n%s", what, diff)
	}
	return hit && met[one.at-1] == calls[one.at-1]
}

// done waits until no job of the organization is left to do, and returns when the last
// try began.
func (r *replicas) done(t *testing.T, id org.ID) (began time.Time) {
	t.Helper()
	const query = `SELECT count(*), count(*) FILTER (WHERE state <> 'completed'), max(attempted_at) FROM river_job WHERE args->>'organization' = $1`
	eventually(t, func() bool {
		var all, left int
		var last *time.Time
		if err := r.ledger.conn.QueryRow(t.Context(), query, id.String()).Scan(&all, &left, &last); err != nil {
			t.Fatal(err)
		}
		if all == 0 || left > 0 || last == nil {
			return false
		}
		began = *last
		return true
	})
	return began
}

// others are the rows of others, without those that tell of the replicas and their jobs.
func (r *replicas) others(t *testing.T, id org.ID) []string {
	t.Helper()
	_, others := r.ledger.rows(t, id)
	return slices.DeleteFunc(others, func(row string) bool {
		return strings.HasPrefix(row, "river_") || strings.HasPrefix(row, "job_") || strings.HasPrefix(row, "cycles ")
	})
}

// pickUps are how long after a replica's death another one had its job.
type pickUps struct {
	mu      sync.Mutex
	n       int
	longest time.Duration
}

func (p *pickUps) add(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if after > 0 { // else it had finished the job
		p.n, p.longest = p.n+1, max(p.longest, after)
	}
}

// mostPickUp is seven seconds of silence, and what a busy machine adds. River itself would
// take two minutes.
const mostPickUp = time.Minute

func (p *pickUps) report(t *testing.T) {
	t.Helper()
	t.Logf("%d jobs of killed replicas were picked up, the last one %s after the death", p.n, p.longest.Round(time.Millisecond))
	if p.n == 0 || p.longest > mostPickUp {
		t.Errorf("want some, and at most %s", mostPickUp)
	}
}
