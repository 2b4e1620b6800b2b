package database

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun/dialect"
)

// prepared is a query with one argument, $1, that is asked at every call: PostgreSQL parses
// and plans it once for each connection, which is most of what such a query costs. It names
// its columns, so that another version's migration does not change what it returns.
type prepared string

// scan reads the one row that the query returns into a struct of bun's; sql.ErrNoRows when
// there is none.
func (p prepared) scan(ctx context.Context, db *DB, argument, into any) (err error) {
	query, arguments := string(p), []any{pgx.QueryExecModeCacheStatement, argument}
	if db.read.Dialect().Name() != dialect.PG {
		query, arguments = strings.ReplaceAll(query, "$1", "?"), []any{argument}
	}
	rows, err := db.read.DB.QueryContext(ctx, query, arguments...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	return db.read.ScanRow(ctx, rows, into)
}
