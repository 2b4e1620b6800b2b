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
		if err == nil {
			return refuseNewer(ctx, migrator)
		}
		if try == migrationTries {
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
	if err := mayBegin(ctx, db); err != nil {
		return err
	}
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
		return refuseNewer(ctx, migrator)
	}
	if _, err = migrator.Up(ctx); err != nil {
		return err
	}
	return refuseNewer(ctx, migrator)
}

// refuseNewer fails when a newer version has migrated the schema: what it means by its rows
// is not known here.
func refuseNewer(ctx context.Context, migrator *goose.Provider) error {
	there, err := migrator.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	sources := migrator.ListSources()
	if known := sources[len(sources)-1].Version; there > known {
		return SchemaError(fmt.Sprintf("the schema has version %d, and this program knows versions up to %d: run the newer managedcasd that made it, or restore the backup from before the upgrade", there, known))
	}
	return nil
}

// SchemaReady reports whether the schema is at least the one that this program made or found
// when it started. A newer one is no reason to stop: replicas are upgraded one by one.
func (db *DB) SchemaReady(ctx context.Context) error {
	var there int64
	if err := db.read.NewRaw("SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(ctx, &there); err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	wanted, err := newestMigration()
	if err == nil && there < wanted {
		err = fmt.Errorf("the schema has version %d, and version %d is needed: start the process again, which migrates", there, wanted)
	}
	return err
}

// newestMigration returns the version of the last migration file.
func newestMigration() (version int64, err error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		n, err := goose.NumericComponent(file)
		if err != nil {
			return 0, err
		}
		version = max(version, n)
	}
	return version, nil
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
