package database

import (
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/database/databasetest"
)

// TestWhoMayMakeNoTablesIsTold: of a user that owns nothing, and of a search_path that leads
// nowhere, it is said what is wrong; and what is said helps.
func TestWhoMayMakeNoTablesIsTold(t *testing.T) {
	t.Parallel()
	owner := databasetest.EmptyPostgres(t)
	admin, err := sql.Open("pgx", owner)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.ExecContext(t.Context(), `CREATE USER "Poor"`); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("Poor")
	poor := u.String()
	refused := func(target, says string) (step string) {
		t.Helper()
		err := Migrate(t.Context(), target)
		schema, ok := errors.AsType[SchemaError](err)
		if !ok || !strings.Contains(err.Error(), says) {
			t.Fatalf("%v, want a SchemaError with %q", err, says)
		}
		_, step, _ = strings.Cut(string(schema), "as its owner, ")
		return step
	}
	refused(poor+"&search_path=nowhere", "names no schema that exists")
	if _, err := admin.ExecContext(t.Context(), refused(poor, `GRANT USAGE, CREATE ON SCHEMA public TO "Poor"`)); err != nil {
		t.Fatal(err)
	}
	if err := Migrate(t.Context(), poor); err != nil {
		t.Errorf("when it was granted: %v", err)
	}
}
