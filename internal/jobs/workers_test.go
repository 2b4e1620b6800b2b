package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/jobs"
	"github.com/managedcas/managedcas/internal/org"
)

func TestMain(m *testing.M) { databasetest.Main(m, database.Migrate) }

type do func(ctx context.Context, id org.ID) error

// replica is one process that works on jobs.
type replica struct {
	db    *database.DB
	stop  context.CancelFunc
	ended chan error
}

func openAt(t *testing.T, target string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // some tests close it in the middle
	return db
}

func startReplica(t *testing.T, target string, do do) *replica {
	t.Helper()
	r := &replica{db: openAt(t, target), ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.ended <- workers(r.db).Work(ctx, 4, do) }()
	t.Cleanup(func() { stop(); r.ended <- <-r.ended })
	return r
}

func workers(db *database.DB) *jobs.Workers {
	return jobs.NewWorkers(db.Queue(), db, slog.New(slog.DiscardHandler))
}

func create(t *testing.T, db *database.DB) org.ID {
	t.Helper()
	id := org.NewID()
	o := org.Organization{ID: id, Name: org.Name("o-" + id.Compact()), State: org.Pending, CreatedAt: time.Now()}
	if err := db.CreateOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return id
}

func within[T any](t *testing.T, what string, c <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case <-time.After(60 * time.Second):
		t.Fatal("not within a minute: " + what)
	}
	return got
}

// TestOneOrganizationAtATime asks again and again for organizations, from two processes
// that both work.
func TestOneOrganizationAtATime(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		var mu sync.Mutex
		working, done := map[org.ID]bool{}, map[org.ID]int{}
		enough := make(chan struct{})
		do := func(ctx context.Context, id org.ID) error {
			mu.Lock()
			if working[id] {
				t.Errorf("%s is in two jobs", id)
			}
			working[id] = true
			mu.Unlock()
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
			mu.Lock()
			defer mu.Unlock()
			working[id] = false
			if done[id]++; len(done) == 10 && done[id] == 5 {
				select {
				case <-enough:
				default:
					close(enough)
				}
			}
			return nil
		}
		a, b := startReplica(t, target, do), startReplica(t, target, do)
		var ids []org.ID
		for range 10 {
			ids = append(ids, create(t, a.db))
		}
		for {
			for _, db := range []*database.DB{a.db, b.db} {
				if err := workers(db).Look(t.Context(), ids); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-enough:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
}

// TestWhatIsAskedDuringAJobIsNotLost deletes an organization while its job is past the
// point where it would have noticed.
func TestWhatIsAskedDuringAJobIsNotLost(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		runs, goOn := make(chan org.ID), make(chan struct{})
		r := startReplica(t, target, func(ctx context.Context, id org.ID) error {
			runs <- id
			<-goOn
			return nil
		})
		id := create(t, r.db)
		within(t, "the first run", runs)
		if _, err := r.db.SetOrganizationState(t.Context(), id, org.Deleting, ""); err != nil {
			t.Fatal(err)
		}
		goOn <- struct{}{}
		if again := within(t, "the run after the deletion", runs); again != id {
			t.Errorf("%s ran, want %s", again, id)
		}
		goOn <- struct{}{}
		create(t, r.db)
		if other := within(t, "another organization's run", runs); other == id {
			t.Error("a job that nobody asked for")
		}
		close(goOn)
	})
}

// later is an error that is no failure: the job is put off.
type later struct{ time.Duration }

func (l later) Error() string             { return "later" }
func (l later) RetryAfter() time.Duration { return l.Duration }

// A deletion does not wait for what the job that ran meanwhile was put off for.
func TestWhatIsAskedDuringAJobIsNotPutOff(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		runs, goOn := make(chan org.ID), make(chan struct{})
		r := startReplica(t, target, func(ctx context.Context, id org.ID) error {
			runs <- id
			<-goOn
			return later{time.Hour}
		})
		id := create(t, r.db)
		within(t, "the first run", runs)
		if _, err := r.db.SetOrganizationState(t.Context(), id, org.Deleting, ""); err != nil {
			t.Fatal(err)
		}
		goOn <- struct{}{}
		within(t, "the run after the deletion", runs)
		goOn <- struct{}{}
		create(t, r.db)
		if other := within(t, "another organization's run", runs); other == id {
			t.Error("it was not put off when nothing was asked")
		}
		close(goOn)
	})
}

// TestFailuresRest: a job that fails is tried again, but not at once.
func TestFailuresRest(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		runs := make(chan time.Time, 10)
		r := startReplica(t, target, func(context.Context, org.ID) error {
			runs <- time.Now()
			return errors.New("broken")
		})
		create(t, r.db)
		first, second, third := within(t, "a run", runs), within(t, "a second", runs), within(t, "a third", runs)
		if rest := second.Sub(first); rest < 900*time.Millisecond {
			t.Errorf("rested %s after the first failure, want 1s", rest)
		}
		if rest := third.Sub(second); rest < 1900*time.Millisecond {
			t.Errorf("rested %s after the second failure, want 2s", rest)
		}
	})
}

// TestStopWaitsForJobs stops a process in the middle of a job that takes longer than
// others would watch a silent one. The job runs to its end, once.
func TestStopWaitsForJobs(t *testing.T) {
	t.Parallel()
	for _, engine := range databasetest.Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			var failed error
			// A worker that does not reach its database for three seconds gives its jobs up, which
			// a machine may be busy enough for: not three times.
			for range 3 {
				if failed = stopInTheMiddle(t, databasetest.Target(t, engine)); failed == nil {
					return
				}
				t.Log(failed)
			}
			t.Error(failed)
		})
	}
}

func stopInTheMiddle(t *testing.T, target string) error {
	t.Helper()
	var runs atomic.Int64
	running, goOn, cut := make(chan struct{}, 10), make(chan struct{}), make(chan error, 10)
	do := func(ctx context.Context, _ org.ID) error {
		runs.Add(1)
		running <- struct{}{}
		select {
		case <-goOn:
		case <-ctx.Done():
			cut <- fmt.Errorf("the job was cut off: %w", context.Cause(ctx))
		}
		return nil
	}
	stopping := startReplica(t, target, do)
	create(t, stopping.db)
	within(t, "the run", running)
	startReplica(t, target, do)
	stopping.stop()
	var early error
	select {
	case err := <-stopping.ended:
		stopping.ended <- nil
		early = fmt.Errorf("ended before its job: %v", err)
	case early = <-cut:
	case <-time.After(8 * time.Second):
	}
	close(goOn)
	if early != nil {
		return early
	}
	if err := within(t, "the end", stopping.ended); err != nil {
		t.Error(err)
	}
	stopping.ended <- nil
	if n := runs.Load(); n != 1 {
		return fmt.Errorf("the job ran %d times", n)
	}
	return nil
}

// TestJobsOfADeadProcessAreTakenOver cuts a process off from its database in the middle
// of a job. It stops the job before another process begins it.
func TestJobsOfADeadProcessAreTakenOver(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		running, stopped := make(chan struct{}, 10), make(chan time.Time, 10)
		dead := startReplica(t, target, func(ctx context.Context, _ org.ID) error {
			running <- struct{}{}
			<-ctx.Done()
			stopped <- time.Now()
			return ctx.Err()
		})
		id := create(t, dead.db)
		within(t, "the run", running)
		taken := make(chan time.Time, 10)
		startReplica(t, target, func(_ context.Context, got org.ID) error {
			if got == id {
				taken <- time.Now()
			}
			return nil
		})
		cut := time.Now()
		if err := dead.db.Close(); err != nil {
			t.Fatal(err)
		}
		end, begin := within(t, "the end of the first run", stopped), within(t, "the second run", taken)
		if begin.Before(end) {
			t.Errorf("the job ran in two processes for %s", end.Sub(begin))
		}
		// Six seconds, and what a busy machine adds; River itself would take two minutes.
		if took := begin.Sub(cut); took > time.Minute {
			t.Errorf("taken over after %s", took)
		}
		t.Logf("stopped after %s, taken over after %s", end.Sub(cut).Round(time.Millisecond), begin.Sub(cut).Round(time.Millisecond))
	})
}
