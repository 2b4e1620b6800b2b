package database

import (
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/managedcas/managedcas/internal/database/databasetest"
)

// TestEveryMigrationKeepsTheRowsBefore walks from an empty database up, one migration at a
// time, with rows of every version so far in it (testdata/versions): what was there is there
// after the migration, after it is taken back, and after it is made again. A migration
// without rows of its version fails.
func TestEveryMigrationKeepsTheRowsBefore(t *testing.T) {
	t.Parallel()
	for engine, dialect := range map[string]goose.Dialect{"sqlite": goose.DialectSQLite3, "postgres": goose.DialectPostgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			ctx, target := t.Context(), databasetest.Target(t, engine)
			db := openTarget(t, target)
			pool := migratingPool(t, db, target)
			migrator, err := migratorOf(dialect, pool)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := migrator.DownTo(ctx, 0); err != nil {
				t.Fatal(err)
			}
			for _, source := range migrator.ListSources() {
				before := rowsOf(t, pool, engine)
				for _, again := range []bool{false, true} {
					if _, err := migrator.UpByOne(ctx); err != nil {
						t.Fatalf("version %d, again %v: %v", source.Version, again, err)
					}
					if d := cmp.Diff(before, narrowed(rowsOf(t, pool, engine), before)); d != "" {
						t.Errorf("version %d, again %v, changes rows:\n%s", source.Version, again, d)
					}
					insertRowsOf(t, pool, source.Version)
					if again {
						break
					}
					if _, err := migrator.Down(ctx); err != nil {
						t.Fatalf("version %d, back: %v", source.Version, err)
					}
					if d := cmp.Diff(before, rowsOf(t, pool, engine)); d != "" {
						t.Errorf("taking version %d back changes rows:\n%s", source.Version, d)
					}
				}
			}
			for table, rows := range rowsOf(t, pool, engine) {
				if len(rows) == 0 {
					t.Errorf("no version has rows of table %s", table)
				}
			}
		})
	}
}

// contents are rows by table, each by column.
type contents map[string][]map[string]string

// rowsOf reads all tables but those of the libraries.
func rowsOf(t *testing.T, pool *sql.DB, engine string) contents {
	t.Helper()
	all := contents{}
	for _, name := range namesOf(t, pool, tables[engine]) {
		if strings.HasPrefix(name, "river_") {
			continue
		}
		all[name] = []map[string]string{}
		rows, err := pool.QueryContext(t.Context(), "SELECT * FROM "+name+" ORDER BY 1, 2")
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			row := map[string]string{}
			for i, column := range columns {
				row[column] = fmt.Sprint(values[i])
			}
			all[name] = append(all[name], row)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
	}
	return all
}

// namesOf returns the one column of a query.
func namesOf(t *testing.T, pool *sql.DB, query string) (names []string) {
	t.Helper()
	rows, err := pool.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// narrowed is now without the tables and columns that were not there before.
func narrowed(now, before contents) contents {
	out := contents{}
	for table, rows := range before {
		out[table] = now[table]
		if len(rows) == 0 || len(now[table]) == 0 {
			continue
		}
		out[table] = nil
		for _, row := range now[table] {
			row = maps.Clone(row)
			maps.DeleteFunc(row, func(column, _ string) bool { _, old := rows[0][column]; return !old })
			out[table] = append(out[table], row)
		}
	}
	return out
}

func insertRowsOf(t *testing.T, pool *sql.DB, version int64) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "versions", fmt.Sprintf("%05d.sql", version)))
	if err != nil {
		t.Fatalf("a migration needs rows of its version, to show that later ones keep them: %v", err)
	}
	for _, statement := range slices.DeleteFunc(strings.Split(string(text), ";\n"), func(s string) bool {
		s = strings.TrimSpace(s)
		return s == "" || strings.HasPrefix(s, "--")
	}) {
		if _, err := pool.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("rows of version %d: %v", version, err)
		}
	}
}
