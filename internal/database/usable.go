package database

import (
	"context"
	"database/sql"
	"fmt"
)

// SchemaError is what keeps a schema from being used although the database answers, with
// what helps.
type SchemaError string

// Error is the text.
func (e SchemaError) Error() string { return string(e) }

// mayBegin fails where nothing has been migrated yet and the user may make no tables. The
// migrator tries for three seconds, and then says that it cannot find its own.
func mayBegin(ctx context.Context, db *sql.DB) error {
	var begun bool
	var may sql.NullBool
	var schema sql.NullString
	var user string
	err := db.QueryRowContext(ctx, `SELECT to_regclass('goose_db_version') IS NOT NULL, has_schema_privilege(current_schema(), 'CREATE'),
		quote_ident(current_schema()), quote_ident(current_user)`).Scan(&begun, &may, &schema, &user)
	switch {
	case err != nil:
		return fmt.Errorf("look for the schema: %w", err)
	case begun || may.Bool:
		return nil
	case !schema.Valid:
		return SchemaError("the search_path names no schema that exists: create one, or put search_path=public into the URL")
	}
	// Since version 15 the schema public lets nobody but the database's owner (PostgreSQL
	// documentation, "Schemas and Privileges").
	return SchemaError(fmt.Sprintf("the user may not make tables in the schema %s: as its owner, GRANT USAGE, CREATE ON SCHEMA %s TO %s", schema.String, schema.String, user))
}
