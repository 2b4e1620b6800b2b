package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivertype"

	"github.com/managedcas/managedcas/internal/org"
)

const (
	// pollInterval is how soon a new job is seen. River's notifications would need a
	// connection of their own, and save a query that costs an index lookup.
	pollInterval = 250 * time.Millisecond
	pollCooldown = 50 * time.Millisecond
	// jobTimeout ends a job that does not end itself; stuckAfter gives one up whose
	// process lives and has lost sight of it.
	jobTimeout = time.Minute
	stuckAfter = 2 * time.Minute
	// stopTimeout is how long jobs may go on when their process stops. Kubernetes waits
	// 30 s before it kills.
	stopTimeout = 20 * time.Second
	// hardStopTimeout is how long jobs may take to end after they were told to.
	hardStopTimeout = 5 * time.Second
	// Jobs that are done are kept to look at. Of a pass that reads 10,000 organizations,
	// as the first of a new version does, there are as many.
	doneRetention   = 10 * time.Minute
	failedRetention = 24 * time.Hour

	minDelay = time.Second
	maxDelay = time.Minute
)

// Store is the database, as far as it is not River's.
type Store interface {
	// Transact runs fn in a serializable transaction, more than once if need be.
	Transact(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error
	// Asked counts what was asked of an organization so far.
	Asked(ctx context.Context, id org.ID) (int64, error)
	// Generation is Asked in tx.
	Generation(ctx context.Context, tx *sql.Tx, id org.ID) (int64, error)
	// ClaimPass reports whether the last claim is at least period ago, and makes one.
	ClaimPass(ctx context.Context, period time.Duration) (bool, error)

	AddWorker(ctx context.Context, id string) error
	// Beat is registry.ErrNotFound when the worker was removed.
	Beat(ctx context.Context, id string) error
	Workers(ctx context.Context, tx *sql.Tx) (map[string]int64, error)
	RemoveWorker(ctx context.Context, tx *sql.Tx, id string) error
}

// Workers runs the jobs of a queue.
type Workers struct {
	queue *Queue
	store Store
	log   *slog.Logger
}

// NewWorkers returns workers that have not begun.
func NewWorkers(queue *Queue, store Store, log *slog.Logger) *Workers {
	return &Workers{queue: queue, store: store, log: log}
}

// Work calls do for organizations that are to be reconciled, up to atOnce at a time,
// until ctx ends; then it waits for those that run. An organization whose do fails is
// tried again, later each time; if its error has a RetryAfter, after that.
func (w *Workers) Work(ctx context.Context, atOnce int, do func(ctx context.Context, id org.ID) error) error {
	var away outage
	for ctx.Err() == nil {
		began := func() { away.ends(ctx, w.log) }
		if err := w.life(ctx, atOnce, began, do); err != nil && ctx.Err() == nil {
			away.goesOn(ctx, w.log, err)
			select {
			case <-ctx.Done():
			case <-time.After(minDelay):
			}
		}
	}
	return nil
}

// life is that of one worker as the others see it: it ends when ctx does, or when it
// could not say for a while that it is there. Then its jobs are another's. It calls began
// when it is registered and takes jobs.
func (w *Workers) life(ctx context.Context, atOnce int, began func(), do func(ctx context.Context, id org.ID) error) (err error) {
	id := uuid.NewString()
	registry := river.NewWorkers()
	river.AddWorker(registry, &worker{Workers: w, do: do})
	client, err := river.NewClient(w.queue.driver, &river.Config{
		ID:                          id,
		Logger:                      slog.New(quiet{w.log.Handler()}),
		Workers:                     registry,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: atOnce}},
		PollOnly:                    true,
		FetchPollInterval:           pollInterval,
		FetchCooldown:               pollCooldown,
		JobTimeout:                  jobTimeout,
		RescueStuckJobsAfter:        stuckAfter,
		CompletedJobRetentionPeriod: doneRetention,
		CancelledJobRetentionPeriod: doneRetention,
		DiscardedJobRetentionPeriod: failedRetention,
		RetryPolicy:                 backoff{},
	})
	if err != nil {
		return fmt.Errorf("make a worker: %w", err)
	}
	if err := w.store.AddWorker(ctx, id); err != nil {
		return fmt.Errorf("register a worker: %w", err)
	}
	apart := context.WithoutCancel(ctx) // a stop is asked for below, in the right order
	if err := client.Start(apart); err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
	began()
	failed := w.untilEnd(ctx, client, id)
	if failed != nil {
		hard, cancel := context.WithTimeout(apart, hardStopTimeout)
		defer cancel()
		failed = errors.Join(failed, client.StopAndCancel(hard))
	}
	leave, cancel := context.WithTimeout(apart, aliveFor)
	defer cancel()
	return errors.Join(failed, w.takeOver(leave, id))
}

// untilEnd returns when ctx ended and the running jobs with it, or with the reason why
// they have to be stopped now.
func (w *Workers) untilEnd(ctx context.Context, client *river.Client[*sql.Tx], id string) error {
	apart, release := context.WithCancel(context.WithoutCancel(ctx))
	lost := make(chan error, 1)
	go func() { lost <- w.live(apart, id) }()
	defer func() { release(); <-lost }()
	select {
	case err := <-lost:
		lost <- nil
		return err
	case <-ctx.Done():
	}
	// Others would take over what still runs, were this worker silent while it stops.
	bounded, cancel := context.WithTimeout(apart, stopTimeout)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- client.Stop(bounded) }()
	select {
	case err := <-lost:
		lost <- nil
		return err
	case err := <-stopped:
		return err
	}
}

// Claim reports whether the next pass over all organizations is the caller's: whether the
// last one, in any process, began at least a period ago.
func (w *Workers) Claim(ctx context.Context, period time.Duration) (bool, error) {
	return w.store.ClaimPass(ctx, period)
}

// Look has organizations reconciled, after those that somebody waits for.
func (w *Workers) Look(ctx context.Context, ids []org.ID) error {
	for some := range slices.Chunk(ids, insertAtOnce) {
		jobs := make([]river.InsertManyParams, 0, len(some))
		for _, id := range some {
			jobs = append(jobs, river.InsertManyParams{Args: reconcile{id.String()}, InsertOpts: &river.InsertOpts{Priority: looked}})
		}
		if _, err := w.queue.client.InsertMany(ctx, jobs); err != nil {
			return fmt.Errorf("enqueue organizations: %w", err)
		}
	}
	return nil
}

// insertAtOnce bounds one statement.
const insertAtOnce = 200

// worker is what River calls.
type worker struct {
	river.WorkerDefaults[reconcile]
	*Workers
	do func(ctx context.Context, id org.ID) error
}

// retrier is an error that is no failure, but says when to do the job again.
type retrier interface {
	error
	RetryAfter() time.Duration
}

// errTaken ends a job that is another worker's by now.
var errTaken = errors.New("the job was taken over")

// Work does a job. It is done when nothing more was asked of the organization meanwhile,
// which is found out in the transaction that says that it is done.
func (w *worker) Work(ctx context.Context, job *river.Job[reconcile]) error {
	id, err := org.ParseID(job.Args.Organization)
	if err != nil {
		return river.JobCancel(err)
	}
	before, err := w.store.Asked(ctx, id)
	if err != nil {
		return err
	}
	if err := w.do(ctx, id); err != nil {
		if ctx.Err() != nil { // this process stops; no fault of the organization's
			return river.JobSnooze(0)
		}
		if now, failed := w.store.Asked(ctx, id); failed == nil && now != before {
			return river.JobSnooze(0) // what was asked meanwhile neither rests nor is put off
		}
		if again, ok := errors.AsType[retrier](err); ok {
			return river.JobSnooze(again.RetryAfter())
		}
		return err
	}
	var more bool
	err = w.store.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now, err := w.store.Generation(ctx, tx, id)
		if err != nil {
			return err
		}
		if more = now != before; more {
			return nil
		}
		return w.done(ctx, tx, job)
	})
	switch {
	case err != nil:
		return err
	case more:
		return river.JobSnooze(0)
	}
	return nil
}

// done completes the job in tx, if it is still this try of it that runs.
func (w *worker) done(ctx context.Context, tx *sql.Tx, job *river.Job[reconcile]) error {
	client := river.ClientFromContext[*sql.Tx](ctx)
	now, err := client.JobGetTx(ctx, tx, job.ID)
	if err != nil {
		return err
	}
	if now.State != rivertype.JobStateRunning || now.Attempt != job.Attempt {
		return errTaken
	}
	// The driver's type is that of the transactions, which is the same for SQLite's.
	_, err = river.JobCompleteTx[*riverdatabasesql.Driver](ctx, tx, job)
	return err
}

// backoff doubles the rest after each failure.
type backoff struct{}

// NextRetry says when a job that failed runs again.
func (backoff) NextRetry(job *rivertype.JobRow) time.Time {
	delay := maxDelay
	if n := len(job.Errors); n < 6 { // 1 s to 32 s
		delay = minDelay << n
	}
	return time.Now().Add(delay)
}
