package database

import (
	"context"
	"database/sql"
	_ "embed"

	"github.com/pressly/goose/v3"
)

// versionOfAudit is the migration that makes the audit log. Its tables are the same on
// both engines; the triggers that keep them as they are, each engine writes in its own
// way.
const versionOfAudit = 11

//go:embed audit/tables.sql
var auditTables string

//go:embed audit/sqlite.sql
var auditSQLite string

//go:embed audit/postgres.sql
var auditPostgres string

func auditMigration(dialect goose.Dialect) *goose.Migration {
	up := auditTables + auditSQLite
	down := "DROP TABLE audit_sinks; DROP TABLE audit_cursors; DROP TABLE audit_records; DROP TABLE audit_chains;"
	if dialect == goose.DialectPostgres {
		up = auditTables + auditPostgres
		down += "DROP FUNCTION audit_refuse(); DROP FUNCTION audit_forward();"
	}
	run := func(statements string) *goose.GoFunc {
		return &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, statements)
			return err
		}}
	}
	return goose.NewGoMigration(versionOfAudit, run(up), run(down))
}
