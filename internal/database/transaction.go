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
// together some seconds.
const (
	transactionTries = 40
	transactionPause = 100 * time.Millisecond
	// transactionTurns is after how many tries one waits for its turn.
	transactionTurns = 4
)

// takeTurn lets those that were overtaken too often go one after the other: all who make
// organizations at a time append to the installation's audit chain, of whom one wins and the
// others would try until some of them give up. The mode keeps out itself, and nobody who
// only reads or writes rows. A LOCK before the first other statement takes no snapshot
// (PostgreSQL documentation, LOCK, notes), so what the transaction reads is as of its turn.
const takeTurn = "LOCK TABLE organizations IN SHARE UPDATE EXCLUSIVE MODE"

// RunInTx runs fn in a transaction that is serializable: SQLite's are by themselves, for
// it has one writer. On PostgreSQL fn runs again, in a new transaction, when another
// one's came between: what it leaves outside of tx must bear that.
func (w writer) RunInTx(ctx context.Context, _ *sql.TxOptions, fn func(context.Context, bun.Tx) error) error {
	if w.Dialect().Name() != dialect.PG {
		return w.DB.RunInTx(ctx, nil, fn)
	}
	pause := retry.WithMaxRetries(transactionTries-1, retry.WithJitterPercent(50,
		retry.WithCappedDuration(transactionPause, retry.NewExponential(2*time.Millisecond))))
	overtakes := 0
	return retry.Do(ctx, pause, func(ctx context.Context) error {
		err := w.inTurn(ctx, overtakes, fn)
		if overtaken(err) {
			overtakes++
			return retry.RetryableError(err)
		}
		return err
	})
}

// inTurn runs fn in a transaction of PostgreSQL, in its turn if it was overtaken so often
// that it waits for one.
func (w writer) inTurn(ctx context.Context, overtakes int, fn func(context.Context, bun.Tx) error) error {
	return w.DB.RunInTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}, func(ctx context.Context, tx bun.Tx) error {
		if overtakes >= transactionTurns {
			if _, err := tx.ExecContext(ctx, takeTurn); err != nil {
				return err
			}
		}
		return fn(ctx, tx)
	})
}
