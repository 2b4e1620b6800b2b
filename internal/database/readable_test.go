package database_test

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/registry"
)

// Rows that cannot be read, however many they are, hide none that can be.
func TestDamagedRowsHideNothing(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		owner := create(t, db, "acme").ID
		now := time.Now().UTC().Truncate(time.Microsecond)
		const page = 2
		for range page + 1 {
			u := newUpload(owner)
			u.Resumable, u.ExpiresAt = false, now.Add(-time.Hour)
			createUpload(t, db, u)
		}
		damage(t, target, "UPDATE uploads SET digest = 'x'")
		whole := newUpload(owner)
		whole.ExpiresAt = now
		createUpload(t, db, whole)
		got, err := db.ExpiredUploads(t.Context(), now, page)
		if len(got) != 1 || got[0].ID != whole.ID || err == nil || !strings.Contains(err.Error(), "and 2 more") {
			t.Errorf("uploads: %+v, %v", got, err)
		}

		direct := registry.DirectUpload{Org: owner, Digest: digest.Of([]byte("x")), IssuedAt: now, ExpiresAt: now, LookAt: now.Add(-time.Hour)}
		if err := db.AddDirectUpload(t.Context(), direct, page); err != nil {
			t.Fatal(err)
		}
		damage(t, target, "UPDATE direct_uploads SET digest = 'x'")
		direct.Digest, direct.LookAt = digest.Of([]byte("y")), now
		if err := db.AddDirectUpload(t.Context(), direct, page); err != nil {
			t.Fatal(err)
		}
		for most := range page {
			due, err := db.DueDirectUploads(t.Context(), now, most+1)
			if len(due) != 1 || due[0].Digest != direct.Digest || err == nil {
				t.Errorf("direct uploads, at most %d: %+v, %v", most+1, due, err)
			}
		}
	})
}

// damage changes rows behind the database's back.
func damage(t *testing.T, target, statement string) {
	t.Helper()
	driver, source := "sqlite", (&url.URL{Scheme: "file", Path: target}).String()
	if strings.HasPrefix(target, "postgres") {
		driver, source = "pgx", target
	}
	raw, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
