package database

import (
	"context"
	"database/sql"
	"time"

	"github.com/sethvargo/go-retry"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

// writer is the pool for what changes rows.
type writer struct{ *bun.DB }

// The tries of a transaction that others overtake, and the longest pause between two:
// together some seconds, which is what a busy SQLite file waits as well.
const (
	transactionTries = 40
	transactionPause = 100 * time.Millisecond
)

// RunInTx runs fn in a transaction that is serializable: SQLite's are by themselves, for
// it has one writer. On PostgreSQL fn runs again, in a new transaction, when another
// one's came between: what it leaves outside of tx must bear that.
func (w writer) RunInTx(ctx context.Context, _ *sql.TxOptions, fn func(context.Context, bun.Tx) error) error {
	if w.Dialect().Name() != dialect.PG {
		return w.DB.RunInTx(ctx, nil, fn)
	}
	pause := retry.WithMaxRetries(transactionTries-1, retry.WithJitterPercent(50,
		retry.WithCappedDuration(transactionPause, retry.NewExponential(2*time.Millisecond))))
	return retry.Do(ctx, pause, func(ctx context.Context) error {
		err := w.DB.RunInTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}, fn)
		if overtaken(err) {
			return retry.RetryableError(err)
		}
		return err
	})
}
