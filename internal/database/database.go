// Package database keeps the records of an installation in SQL, from organizations to the
// audit log: in an embedded SQLite file, or in PostgreSQL. One schema and the same queries
// serve both.
//
// Invariants:
//   - What a method changes it changes in one transaction, together with the audit record of
//     that; a process killed between two of them leaves a state that the next start
//     understands.
//   - Transactions that read and then write are serializable on both engines: what a method
//     read is still true when it commits. Batches of the audit log hold locks instead.
//   - An organization has at most one managed and at most one default storage
//     backend. The schema says so, not only the code.
//   - The database holds the installation's signing keys: a SQLite file is readable by
//     its owner alone, and PostgreSQL is reached over TLS unless it is on this machine or
//     the URL says otherwise. It holds no AWS credential (DESIGN I11) and no API token,
//     only hashes.
//   - The password of a PostgreSQL URL is in no error and in no log.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/jobs"
	"github.com/managedcas/managedcas/internal/registry"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	write writer
	read  *bun.DB
	// relaxed writes what can be made anew: it does not wait for the disk.
	relaxed *bun.DB
	// addArtifact adds one entry of the catalogue; on SQLite alone.
	addArtifact bun.Stmt
	queue       *jobs.Queue
}

// Open opens the database that target names and brings its schema up to date. Target is
// a postgres:// URL, or else the path of a SQLite file, which is created when it is
// missing; its directory must exist.
func Open(ctx context.Context, target string) (*DB, error) {
	if isPostgres(target) {
		return openPostgres(ctx, target)
	}
	return openSQLite(ctx, target)
}

// Migrate brings the schema of the database that target names up to date, and is done.
func Migrate(ctx context.Context, target string) error {
	db, err := Open(ctx, target)
	if err != nil {
		return err
	}
	return db.Close()
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.read.PingContext(ctx); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// Close closes the database. Calls that are still running fail.
func (db *DB) Close() error {
	var errs []error
	closed := map[*bun.DB]bool{nil: true}
	for _, pool := range []*bun.DB{db.read, db.relaxed, db.write.DB} {
		if !closed[pool] { // PostgreSQL has one for all
			closed[pool] = true
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// affected turns an update that met no row into ErrNotFound.
func affected(result sql.Result, err error) error {
	if err != nil {
		return classify(err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("count rows: %w", err)
	}
	if n == 0 {
		return registry.ErrNotFound
	}
	return nil
}

// recordsOf reads rows as records. The first that cannot be read fails all.
func recordsOf[Row, Record any](rows []Row, read func(Row) (Record, error)) ([]Record, error) {
	records := make([]Record, 0, len(rows))
	for _, r := range rows {
		record, err := read(r)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

// instant is a time as the database keeps it: UTC, to the microsecond, which is
// what PostgreSQL keeps.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
