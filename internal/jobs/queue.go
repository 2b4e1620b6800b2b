// Package jobs has organizations reconciled by River's jobs, which are rows of the same
// database: an organization and its job come to be in one transaction.
//
// Invariants (docs/decisions/010-jobs.md):
//   - An organization is in one job at a time, whichever process runs it.
//   - What is asked while its job runs is not lost: the job runs again.
//   - The jobs of a process that died are taken over within seconds; a process that
//     cannot say that it lives stops its jobs before that.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/managedcas/managedcas/internal/org"
)

// Engine is the kind of database.
type Engine int

// The engines.
const (
	SQLite Engine = iota
	Postgres
)

func (e Engine) driver(pool *sql.DB) riverdriver.Driver[*sql.Tx] {
	if e == Postgres {
		return riverdatabasesql.New(pool)
	}
	return riversqlite.New(pool)
}

// Priorities: what somebody waits for comes before a look at what probably is right.
const (
	asked  = 1
	looked = 2
)

// maxTries ends a job that fails and fails, and with it the list of errors that it
// carries. The next pass makes a new one.
const maxTries = 25

// reconcile is what a job is about.
type reconcile struct {
	Organization string `json:"organization" river:"unique"`
}

// Kind names the jobs in the database.
func (reconcile) Kind() string { return "reconcile_organization" }

// InsertOpts makes a job unique while it waits, runs, or rests because it failed: were one
// that rests none, each look would make another that fails and rests.
func (reconcile) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		MaxAttempts: maxTries,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateScheduled,
			rivertype.JobStateRetryable,
		}},
	}
}

// Queue puts jobs into a database. It runs none.
type Queue struct {
	driver riverdriver.Driver[*sql.Tx]
	client *river.Client[*sql.Tx]
}

// NewQueue returns the queue in the database that pool connects to.
func NewQueue(engine Engine, pool *sql.DB) (*Queue, error) {
	q := &Queue{driver: engine.driver(pool)}
	var err error
	if q.client, err = river.NewClient(q.driver, &river.Config{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return nil, fmt.Errorf("make a queue: %w", err)
	}
	return q, nil
}

// Enqueue asks in tx for an organization to be reconciled. Whoever changed what is wanted
// of it must have counted its generation up in the same transaction: a job that is
// running sees that, and runs again. One that rests, was put off, or is only a look is not
// waited for: another takes its place.
func (q *Queue) Enqueue(ctx context.Context, tx *sql.Tx, id org.ID) error {
	ask := func() (*rivertype.JobInsertResult, error) {
		return q.client.InsertTx(ctx, tx, reconcile{id.String()}, &river.InsertOpts{Priority: asked})
	}
	there, err := ask()
	if err != nil || !there.UniqueSkippedAsDuplicate || waits(there.Job) {
		return err
	}
	// River keeps the priority of a job that is retried.
	_, err = q.client.JobDeleteTx(ctx, tx, there.Job.ID)
	if errors.Is(err, rivertype.ErrJobRunning) {
		return nil
	}
	if err == nil {
		_, err = ask()
	}
	return err
}

// waits reports whether a job is among those that are next.
func waits(job *rivertype.JobRow) bool {
	return job.State == rivertype.JobStateAvailable && job.Priority == asked
}

// Waiting counts the jobs that wait for a worker, and says since when the first of them
// does; not those that rest until a later time.
func (q *Queue) Waiting(ctx context.Context) (n int, since time.Time, err error) {
	now := time.Now()
	if n, err = q.driver.GetExecutor().JobCountByState(ctx, &riverdriver.JobCountByStateParams{State: rivertype.JobStateAvailable}); err != nil || n == 0 {
		return n, now, err
	}
	first, err := q.client.JobList(ctx, river.NewJobListParams().States(rivertype.JobStateAvailable).
		OrderBy(river.JobListOrderByScheduledAt, river.SortOrderAsc).First(1))
	if err != nil || len(first.Jobs) == 0 {
		return 0, now, err // the last one was taken meanwhile
	}
	return n, first.Jobs[0].ScheduledAt, nil
}

// schemaVersion is the version of River's tables. A newer one is a new migration.
const schemaVersion = 8

// MigrateUp makes River's tables, step by step: PostgreSQL does not let a transaction use
// a value that it has added to an enumeration. It needs a connection of its own.
func (e Engine) MigrateUp(ctx context.Context, pool *sql.DB) error {
	return e.migrate(ctx, pool, rivermigrate.DirectionUp, schemaVersion)
}

// MigrateDown takes River's tables away.
func (e Engine) MigrateDown(ctx context.Context, pool *sql.DB) error {
	return e.migrate(ctx, pool, rivermigrate.DirectionDown, -1)
}

func (e Engine) migrate(ctx context.Context, pool *sql.DB, direction rivermigrate.Direction, target int) error {
	migrator, err := rivermigrate.New(e.driver(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, direction, &rivermigrate.MigrateOpts{TargetVersion: target})
	return err
}
