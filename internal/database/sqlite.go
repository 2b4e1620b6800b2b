package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"

	"github.com/managedcas/managedcas/internal/jobs"
)

// readers bounds the connections that read a SQLite file beside the one that writes.
const readers = 4

// migrators are goose's connection and River's.
const migrators = 2

// openSQLite opens the file at path. SQLite has one writer: a pool of one queues writers
// inside the process, where they wait fairly, and not in SQLite's busy handler, where
// they do not.
func openSQLite(ctx context.Context, path string) (*DB, error) {
	migrating, err := poolOfSQLite(path, migrators, durable)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(migrateSQLite(ctx, migrating.DB), migrating.Close()); err != nil {
		return nil, fmt.Errorf("migrate %s: %w", path, err)
	}
	write, err := poolOfSQLite(path, 1, durable)
	if err != nil {
		return nil, err
	}
	db := &DB{write: writer{write}}
	if db.read, err = poolOfSQLite(path, readers, durable); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if db.relaxed, err = poolOfSQLite(path, 1, relaxed); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if db.addArtifact, err = db.relaxed.PrepareContext(ctx, addArtifactSQL); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the catalogue: %w", err), db.Close())
	}
	if db.queue, err = jobs.NewQueue(jobs.SQLite, write.DB); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func poolOfSQLite(path string, connections int, sync synchronous) (*bun.DB, error) {
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

// synchronous says when SQLite waits for the disk (its PRAGMA synchronous).
type synchronous string

const (
	// durable: an organization that a client was told of survives a power cut.
	durable synchronous = "FULL"
	// relaxed: with the WAL, a transaction survives the process but not a power cut, and
	// the file is sound after either (sqlite.org/pragma.html#pragma_synchronous).
	relaxed synchronous = "NORMAL"
)

// patience is how long a writer waits for those of other processes, as long as a statement may
// take on PostgreSQL. SQLite has no queue for them: each looks again every 100 ms, and one
// among processes that write all the time finds the file free in one of many looks.
const patience = 30 * time.Second

// dsn returns the driver's name for the file at path, with the settings that every
// connection needs.
func dsn(path string, sync synchronous) string {
	settings := url.Values{
		// Writers take their lock when they begin; a read lock that is upgraded later can
		// deadlock with another one.
		"_txlock": {"immediate"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()),
			"journal_mode(WAL)",
			"synchronous(" + string(sync) + ")",
			"foreign_keys(1)",
			"trusted_schema(0)",
		},
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings.Encode()}).String()
}
