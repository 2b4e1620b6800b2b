package database

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/managedcas/managedcas/internal/jobs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// The tries of a migration of a SQLite file, and the time between two.
const (
	migrationTries = 20
	migrationPause = 50 * time.Millisecond
)

// migrateSQLite brings the schema up to date. Roles may start at the same moment, and
// goose reads the version before it begins a transaction: who comes second fails, and
// finds the work done when it looks again.
func migrateSQLite(ctx context.Context, db *sql.DB) error {
	migrator, err := migratorOf(goose.DialectSQLite3, db)
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

// A replica asks for the lock of migrations every second, and gives up after five
// minutes: longer than any migration of ours, shorter than an operator's patience.
const (
	lockPeriod = 1
	lockTries  = 300
)

// migratePostgres brings the schema up to date. Replicas that start together take turns,
// by an advisory lock on the session that migrates.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriod, lockTries))
	if err != nil {
		return fmt.Errorf("make the lock of migrations: %w", err)
	}
	migrator, err := migratorOf(goose.DialectPostgres, db, goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	// Most starts find nothing to do, and need not wait for each other to learn that.
	if pending, err := migrator.HasPending(ctx); err == nil && !pending {
		return nil
	}
	_, err = migrator.Up(ctx)
	return err
}

// versionOfRiver is the migration that makes the tables of River, which brings its own.
const versionOfRiver = 6

// migratorOf returns goose over the embedded migrations.
func migratorOf(dialect goose.Dialect, db *sql.DB, options ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	engine := jobs.SQLite
	if dialect == goose.DialectPostgres {
		engine = jobs.Postgres
	}
	// Not in a transaction: River's migrations have their own, and the next start goes on
	// after the last one that was made.
	river := goose.NewGoMigration(versionOfRiver, &goose.GoFunc{RunDB: engine.MigrateUp}, &goose.GoFunc{RunDB: engine.MigrateDown})
	return goose.NewProvider(dialect, db, files, append(options,
		goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(river, auditMigration(dialect)))...)
}
