package database

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/jobs"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// TestJobsAreBornWithWhatTheyAreAbout: the rows and the job are one transaction, so that
// what is refused leaves no job, and what is stored has one.
func TestJobsAreBornWithWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx := t.Context()
		db := openTarget(t, target)
		waiting := func(want int) {
			t.Helper()
			var n int
			err := db.read.NewRaw("SELECT count(*) FROM river_job WHERE state = 'available'").Scan(ctx, &n)
			if err != nil || n != want {
				t.Errorf("%d jobs, %v; want %d", n, err, want)
			}
		}
		o := newOrganization()
		if err := db.CreateOrganization(ctx, o); err != nil {
			t.Fatal(err)
		}
		waiting(1)
		if err := db.CreateOrganization(ctx, newOrganization()); !errors.Is(err, registry.ErrExists) {
			t.Fatalf("the same name again: %v", err)
		}
		waiting(1)
		if _, err := db.write.NewDelete().Table("river_job").Where("1 = 1").Exec(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := db.SetOrganizationState(ctx, o.ID, org.Deleted, ""); !errors.Is(err, org.ErrTransition) {
			t.Fatalf("pending to deleted: %v", err)
		}
		waiting(0)
		if _, err := db.SetOrganizationState(ctx, o.ID, org.Deleting, ""); err != nil {
			t.Fatal(err)
		}
		waiting(1)
		if _, err := db.SetOrganizationState(ctx, o.ID, org.Deleted, ""); err != nil {
			t.Fatal(err)
		}
		waiting(1) // what the reconciler finds is no news for it
	})
}

// A look at an organization whose job failed and rests makes no second job: it would not rest
// with the first, and with each look there would be one more. Who asks for something new is
// not made to wait: the job rests no longer.
func TestAJobThatRestsStaysTheOnlyOne(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx := t.Context()
		db := openTarget(t, target)
		states := func(want ...string) {
			t.Helper()
			var got []string
			if err := db.read.NewRaw("SELECT state FROM river_job ORDER BY id").Scan(ctx, &got); err != nil || !slices.Equal(got, want) {
				t.Errorf("jobs %q, want %q (%v)", got, want, err)
			}
		}
		looker := jobs.NewWorkers(db.Queue(), db, slog.New(slog.DiscardHandler))
		var before []string
		for _, rests := range []string{"retryable", "scheduled"} {
			o := newOrganization()
			o.Name = org.Name(rests)
			if err := db.CreateOrganization(ctx, o); err != nil {
				t.Fatal(err)
			}
			_, err := db.write.NewUpdate().Table("river_job").Set("state = ?", rests).Set("scheduled_at = ?", instant(time.Now().Add(time.Hour))).
				Where("id = (SELECT max(id) FROM river_job)").Exec(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := looker.Look(ctx, []org.ID{o.ID}); err != nil {
					t.Fatal(err)
				}
			}
			states(append(before, rests)...)
			if _, err := db.SetOrganizationState(ctx, o.ID, org.Deleting, ""); err != nil {
				t.Fatal(err)
			}
			before = append(before, "available")
			states(before...)
		}
		if n, since, err := db.Queue().Waiting(ctx); err != nil || n != 2 || since.After(time.Now().Add(time.Minute)) {
			t.Errorf("%d jobs wait since %s, %v", n, since, err)
		}
	})
}

// A job that a look made, and what else waits behind the looks at thousands of others, becomes
// that of somebody who waits: a deletion does not come after a sweep.
func TestWhoAsksComesBeforeLooks(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx := t.Context()
		db := openTarget(t, target)
		looker := jobs.NewWorkers(db.Queue(), db, slog.New(slog.DiscardHandler))
		for _, state := range []string{"available", "retryable", "scheduled"} {
			o := newOrganization()
			o.Name = org.Name(state)
			if err := db.CreateOrganization(ctx, o); err != nil {
				t.Fatal(err)
			}
			if _, err := db.write.NewDelete().Table("river_job").Where("1 = 1").Exec(ctx); err != nil {
				t.Fatal(err)
			}
			if err := looker.Look(ctx, []org.ID{o.ID}); err != nil {
				t.Fatal(err)
			}
			if _, err := db.write.NewUpdate().Table("river_job").Set("state = ?", state).Where("1 = 1").Exec(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := db.SetOrganizationState(ctx, o.ID, org.Deleting, ""); err != nil {
				t.Fatal(err)
			}
			var priorities []int
			if err := db.read.NewRaw("SELECT priority FROM river_job WHERE state = 'available'").Scan(ctx, &priorities); err != nil || !slices.Equal(priorities, []int{1}) {
				t.Errorf("%s: jobs of priority %v, want one of 1 (%v)", state, priorities, err)
			}
		}
	})
}
