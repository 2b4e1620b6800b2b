package database

import (
	"errors"
	"testing"

	"github.com/managedcas/managedcas/internal/database/databasetest"
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
