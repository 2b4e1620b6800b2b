package database

import (
	"errors"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// The retention is the database's time, not that of whichever process asks: one whose clock
// runs a month ahead begins no purge, and one whose clock is behind promises no less.
func TestAWrongClockShortensNoRetention(t *testing.T) {
	t.Parallel()
	target := databasetest.Postgres(t)
	plain := openTarget(t, target)
	for _, statement := range []string{
		`CREATE SCHEMA ahead`,
		`CREATE FUNCTION ahead.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT pg_catalog.now() + interval '40 days'$$`,
	} {
		if _, err := plain.write.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	const month = 30 * 24 * time.Hour
	for path, ahead := range map[string]time.Duration{"public,pg_catalog": 0, "ahead,public,pg_catalog": 40 * 24 * time.Hour} {
		db, o := openTarget(t, target+"&search_path="+path), newOrganization()
		o.Name = org.Name("o-" + o.ID.Compact())
		if err := db.CreateOrganization(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		for _, state := range []org.State{org.Deleting, org.Deleted} {
			if _, err := db.SetOrganizationState(t.Context(), o.ID, state, ""); err != nil {
				t.Fatal(err)
			}
		}
		process := time.Now()
		if err := db.RetainObjects(t.Context(), o.ID, month); err != nil {
			t.Fatal(err)
		}
		d, err := db.Deletion(t.Context(), o.ID)
		if off := d.PurgeAt.Sub(process.Add(month + ahead)).Abs(); err != nil || off > time.Minute {
			t.Errorf("%s: kept until %s, which is off by %s (%v)", path, d.PurgeAt, off, err)
		}
		if err := db.BeginPurge(t.Context(), o.ID, d.PurgeAt.Add(time.Hour), time.Minute); !errors.Is(err, registry.ErrConflict) {
			t.Errorf("%s: begun by a process whose clock runs ahead: %v", path, err)
		}
		before := d.PurgeAt
		if err := db.RenewRetention(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		if d, err = db.Deletion(t.Context(), o.ID); err != nil || d.PurgeAt.Before(before) {
			t.Errorf("%s: renewed until %s, before %s (%v)", path, d.PurgeAt, before, err)
		}
	}
}

// A pass that began in the future began by a clock that was wrong: it keeps nobody from the
// next one.
func TestAPassOfTheFutureHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		const period = 5 * time.Minute
		claim := func(want bool) {
			t.Helper()
			if claimed, err := db.ClaimPass(t.Context(), period); err != nil || claimed != want {
				t.Errorf("claimed %t, %v; want %t", claimed, err, want)
			}
		}
		claim(true)
		claim(false)
		for ahead, want := range map[time.Duration]bool{time.Minute: false, period + time.Minute: true, 365 * 24 * time.Hour: true} {
			_, err := db.write.NewUpdate().Model((*passRow)(nil)).Set("started_at = ?", instant(time.Now().Add(ahead))).Where("1 = 1").Exec(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			claim(want)
		}
	})
}
