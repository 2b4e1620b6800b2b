package database

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/jobs"
	"github.com/managedcas/managedcas/internal/org"
)

// What internal/jobs needs to know besides the jobs themselves.

type workerRow struct {
	bun.BaseModel `bun:"table:job_workers"`

	ID   string `bun:",pk"`
	Beat int64
}

type passRow struct {
	bun.BaseModel `bun:"table:job_passes"`

	Name      string `bun:",pk"`
	StartedAt time.Time
}

// Queue returns the queue of jobs in this database.
func (db *DB) Queue() *jobs.Queue { return db.queue }

// Transact runs fn in a serializable transaction, again if another one's came between.
func (db *DB) Transact(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	return classify(db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error { return fn(ctx, tx.Tx) }))
}

// Asked counts what was asked of an organization. It keeps no writer waiting.
func (db *DB) Asked(ctx context.Context, id org.ID) (int64, error) {
	return generation(ctx, db.read.NewSelect(), id)
}

// Generation is Asked in tx.
func (db *DB) Generation(ctx context.Context, tx *sql.Tx, id org.ID) (int64, error) {
	return generation(ctx, db.write.NewSelect().Conn(tx), id)
}

func generation(ctx context.Context, in *bun.SelectQuery, id org.ID) (n int64, err error) {
	err = in.Model((*organizationRow)(nil)).Column("generation").Where("id = ?", id.String()).Scan(ctx, &n)
	return n, classify(err)
}

// AddWorker registers a process that works on jobs.
func (db *DB) AddWorker(ctx context.Context, id string) error {
	_, err := db.write.NewInsert().Model(&workerRow{ID: id}).Exec(ctx)
	return classify(err)
}

// Beat says that a worker lives; registry.ErrNotFound when the others gave it up.
func (db *DB) Beat(ctx context.Context, id string) error {
	return affected(db.write.NewUpdate().Model((*workerRow)(nil)).Set("beat = beat + 1").Where("id = ?", id).Exec(ctx))
}

// Workers returns the registered workers and how often each said that it lives; in tx.
func (db *DB) Workers(ctx context.Context, tx *sql.Tx) (map[string]int64, error) {
	var rows []workerRow
	if err := db.write.NewSelect().Conn(tx).Model(&rows).Scan(ctx); err != nil {
		return nil, classify(err)
	}
	workers := map[string]int64{}
	for _, r := range rows {
		workers[r.ID] = r.Beat
	}
	return workers, nil
}

// RemoveWorker takes a worker off the list; in tx.
func (db *DB) RemoveWorker(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := db.write.NewDelete().Conn(tx).Model((*workerRow)(nil)).Where("id = ?", id).Exec(ctx)
	return classify(err)
}

// ClaimPass reports whether the last pass over all organizations, in any process, is at
// least a period ago; if so, the next one is the caller's.
// So it is when the last one is more than a period ahead: whoever began it had a wrong
// clock, which must not stop the others for as long.
func (db *DB) ClaimPass(ctx context.Context, period time.Duration) (claimed bool, err error) {
	now := instant(time.Now())
	row := passRow{Name: "organizations", StartedAt: now}
	result, err := db.write.NewInsert().Model(&row).
		On("CONFLICT (name) DO UPDATE").Set("started_at = EXCLUDED.started_at").
		Where("?TableAlias.started_at <= ? OR ?TableAlias.started_at > ?", now.Add(-period), now.Add(period)).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("claim a pass: %w", classify(err))
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
