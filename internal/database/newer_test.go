package database

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/database/databasetest"
)

// TestNewerSchemasAreRefused: a program that starts on the schema of a newer one says so; one
// that runs already goes on, and one whose schema was taken back is not ready.
func TestNewerSchemasAreRefused(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx, db := t.Context(), openTarget(t, target)
		if err := db.SchemaReady(ctx); err != nil {
			t.Errorf("as migrated: %v", err)
		}
		if _, err := db.write.NewRaw("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)").Exec(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(ctx, target); err == nil || !strings.Contains(err.Error(), "version 9999") || !strings.Contains(err.Error(), "run the newer managedcasd") {
			t.Errorf("started on a newer schema: %v", err)
		}
		if err := db.SchemaReady(ctx); err != nil {
			t.Errorf("running on a newer schema: %v", err)
		}
		newest, err := newestMigration()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.write.NewRaw("DELETE FROM goose_db_version WHERE version_id >= ?", newest).Exec(ctx); err != nil {
			t.Fatal(err)
		}
		if err := db.SchemaReady(ctx); err == nil || !strings.Contains(err.Error(), "is needed") {
			t.Errorf("running on an older schema: %v", err)
		}
	})
}
