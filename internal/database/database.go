// Package database keeps organizations, storage backends, secrets, API tokens and
// signing keys in SQL: in an embedded SQLite file. The schema and the queries keep
// to what PostgreSQL understands as well.
//
// Invariants:
//   - Every method is one transaction; a process killed between two of them leaves
//     a state that the next start understands.
//   - An organization has at most one managed and at most one default storage
//     backend. The schema says so, not only the code.
//   - The file is readable by its owner alone: it holds the installation's signing
//     keys. It holds no AWS credential (DESIGN I11) and no API token, only hashes.
package database

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/managedcas/managedcas/internal/registry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// readers bounds the connections that read beside the one that writes.
const readers = 4

// DB is an open database. It is safe for concurrent use.
type DB struct {
	// SQLite has one writer. A pool of one queues writers inside the process, where
	// they wait fairly, and not in SQLite's busy handler, where they do not.
	write *bun.DB
	read  *bun.DB
	// relaxed writes what can be made anew: it does not wait for the disk.
	relaxed *bun.DB
}

// Open opens the SQLite file at path, creates it when it is missing, and brings its
// schema up to date. The directory must exist.
func Open(ctx context.Context, path string) (*DB, error) {
	write, err := openSQLite(path, 1, durable)
	if err != nil {
		return nil, err
	}
	db := &DB{write: write}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate %s: %w", path, err), db.Close())
	}
	if db.read, err = openSQLite(path, readers, durable); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if db.relaxed, err = openSQLite(path, 1, relaxed); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func openSQLite(path string, connections int, sync synchronous) (*bun.DB, error) {
	// Created here and not by SQLite, which would give it the umask's permissions. The
	// WAL files take theirs from it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	connector, err := sqlite.NewConnector(dsn(path, sync))
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return bun.NewDB(pool, sqlitedialect.New()), nil
}

// The tries of a migration, and the time between two.
const (
	migrationTries = 20
	migrationPause = 50 * time.Millisecond
)

// migrate brings the schema up to date. Roles may start at the same moment, and goose
// reads the version before it begins a transaction: who comes second fails, and finds the
// work done when it looks again.
func (db *DB) migrate(ctx context.Context) error {
	migrator, err := db.migrator()
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		_, err := migrator.Up(ctx)
		if err == nil || try == migrationTries {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(migrationPause):
		}
	}
}

// migrator returns goose over the embedded migrations.
func (db *DB) migrator() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return goose.NewProvider(goose.DialectSQLite3, db.write.DB, files, goose.WithDisableGlobalRegistry(true))
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
	for _, pool := range []*bun.DB{db.read, db.relaxed, db.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// classify turns the driver's errors into the registry's. What it does not know
// stays as it is.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return registry.ErrNotFound
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return fmt.Errorf("%w: %w", registry.ErrExists, err)
		case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
			return fmt.Errorf("%w: %w", registry.ErrNotFound, err)
		}
	}
	return err
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

// instant is a time as the database keeps it: UTC, to the microsecond, which is
// what PostgreSQL keeps.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
