package database

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/managedcas/managedcas/internal/database/databasetest"
)

// TestLook: what is there is told, newer and older too, and nothing is made.
func TestLook(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx, db := t.Context(), openTarget(t, target)
		newest, err := newestMigration()
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range []struct {
			sql   string
			there int64
		}{
			{"", newest},
			{"INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)", 9999},
			{"DELETE FROM goose_db_version WHERE version_id > 1", 1},
			{"DROP TABLE goose_db_version", 0},
		} {
			if change.sql != "" {
				if _, err := db.write.NewRaw(change.sql).Exec(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if there, wanted, err := Look(ctx, target); err != nil || there != change.there || wanted != newest {
				t.Errorf("%s: %d of %d, %v; want %d of %d", change.sql, there, wanted, err, change.there, newest)
			}
		}
	})
}

func TestLookMakesNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "new.db")
	if there, wanted, err := Look(t.Context(), file); there != 0 || wanted == 0 || err != nil {
		t.Errorf("no file: %d of %d, %v", there, wanted, err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there now: %v", err)
	}
	if _, _, err := Look(t.Context(), filepath.Join(file, "none", "x.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if err := os.WriteFile(file, []byte("this is no database, whatever its name says it is"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Look(t.Context(), file); err == nil {
		t.Error("no database: found to be one")
	}
}
