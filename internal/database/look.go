package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Look returns the version of the schema that is there, 0 for none, and the one that this
// program wants. It creates and migrates nothing. A SQLite file that does not exist yet has
// no schema; a directory that does not exist is fs.ErrNotExist.
func Look(ctx context.Context, target string) (there, wanted int64, err error) {
	if wanted, err = newestMigration(); err != nil {
		return 0, 0, err
	}
	pool, err := lookAt(target)
	if pool == nil || err != nil {
		return 0, wanted, err
	}
	err = pool.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&there)
	if noSuchTable(ctx, pool, err) {
		err = nil
	}
	if err = errors.Join(err, pool.Close()); err != nil {
		return 0, wanted, fmt.Errorf("read the version of the schema: %w", err)
	}
	return there, wanted, nil
}

// lookAt returns nothing where there is no file yet.
func lookAt(target string) (*sql.DB, error) {
	if isPostgres(target) {
		t, err := parsePostgres(target)
		if err != nil {
			return nil, err
		}
		return stdlib.OpenDB(*t.connect), nil
	}
	_, err := os.Stat(target)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat(filepath.Dir(target))
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(target, os.O_RDWR, 0) // what a role will do
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: target}).EscapedPath(), RawQuery: "mode=ro&_pragma=busy_timeout(5000)"}).String())
}

const undefinedTable = "42P01" // PostgreSQL documentation, appendix A

// noSuchTable reports whether err says that nothing has been migrated yet.
func noSuchTable(ctx context.Context, pool *sql.DB, err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == undefinedTable
	}
	if err == nil {
		return false
	}
	var n int
	return pool.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'goose_db_version'").Scan(&n) == nil && n == 0
}
