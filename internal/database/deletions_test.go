package database_test

import (
	"errors"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// The life of a deletion, on both engines: retained, begun, counted, finished; and what is
// refused at each stage.
func TestDeletions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		ctx, now := t.Context(), time.Now()
		o := create(t, db, "acme")
		want := func(what string, err, is error) {
			t.Helper()
			if !errors.Is(err, is) {
				t.Errorf("%s: %v, want %v", what, err, is)
			}
		}
		set := func(state org.State) {
			t.Helper()
			if _, err := db.SetOrganizationState(ctx, o.ID, state, ""); err != nil {
				t.Fatal(err)
			}
		}
		_, err := db.UndeleteOrganization(ctx, o.ID, "")
		want("undelete of a living one", err, registry.ErrNotDeleted)
		_, err = db.UndeleteOrganization(ctx, org.NewID(), "")
		want("undelete of nobody", err, registry.ErrNotFound)
		want("retention of a living one", db.RetainObjects(ctx, o.ID, time.Hour), registry.ErrNotDeleted)
		want("purge of a living one", db.BeginPurge(ctx, o.ID, now, time.Minute), registry.ErrConflict)

		set(org.Deleting)
		want("retention", db.RetainObjects(ctx, o.ID, 0), nil)
		want("purge of one that is being deleted", db.BeginPurge(ctx, o.ID, now.Add(time.Hour), time.Minute), registry.ErrConflict)
		if due, err := db.DuePurges(ctx, now.Add(time.Hour), 10); err != nil || len(due) != 0 {
			t.Errorf("due while deleting: %v, %v", due, err)
		}
		set(org.Deleted)
		want("purge before its time", db.BeginPurge(ctx, o.ID, now.Add(-time.Second), time.Minute), registry.ErrConflict)
		want("to go on with what has not begun", db.ContinuePurge(ctx, o.ID, registry.Removed{}, now, time.Minute), registry.ErrConflict)
		want("to finish what has not begun", db.FinishPurge(ctx, o.ID, now), registry.ErrConflict)

		taker := create(t, db, "acme")
		_, err = db.UndeleteOrganization(ctx, o.ID, "")
		want("undelete, the name taken", err, registry.ErrExists)
		back, err := db.UndeleteOrganization(ctx, o.ID, "acme-again")
		if err != nil || back.ID != o.ID || back.Name != "acme-again" || back.State != org.Pending {
			t.Fatalf("%+v, %v", back, err)
		}
		if backends, err := db.Backends(ctx, o.ID); err != nil || len(backends) != 1 {
			t.Errorf("backends %v, %v", backends, err)
		}
		_, err = db.Deletion(ctx, o.ID)
		want("deletion of one that is back", err, registry.ErrNotFound)
		want("late deletion of its backend", db.DeleteManagedBackend(ctx, o.ID), nil)

		set(org.Deleting)
		want("retention", db.RetainObjects(ctx, o.ID, 0), nil)
		set(org.Deleted)
		later := time.Now().Add(time.Minute)
		if due, err := db.DuePurges(ctx, later, 10); err != nil || len(due) != 1 || due[0] != o.ID {
			t.Errorf("due: %v, %v", due, err)
		}
		want("begin", db.BeginPurge(ctx, o.ID, later, time.Minute), nil)
		want("begin by another", db.BeginPurge(ctx, o.ID, later.Add(time.Minute-time.Second), time.Minute), registry.ErrConflict)
		if due, err := db.DuePurges(ctx, later, 10); err != nil || len(due) != 0 {
			t.Errorf("due while another has it: %v, %v", due, err)
		}
		_, err = db.UndeleteOrganization(ctx, o.ID, "")
		want("undelete, too late", err, registry.ErrPurging)
		want("another, when the lease is over", db.BeginPurge(ctx, o.ID, later.Add(time.Minute), time.Minute), nil)
		want("count", db.ContinuePurge(ctx, o.ID, registry.Removed{Objects: 2, Bytes: 5}, later, time.Minute), nil)
		want("count", db.ContinuePurge(ctx, o.ID, registry.Removed{Objects: 1, Bytes: 1 << 40}, later, time.Minute), nil)

		var entries []registry.Artifact
		for _, name := range []string{"a", "b", "c"} {
			for _, id := range []org.ID{o.ID, taker.ID} {
				entries = append(entries, registry.Artifact{Org: id, Digest: digest.Of([]byte(name)), StoredAt: now})
			}
		}
		if err := db.AddArtifacts(ctx, entries); err != nil {
			t.Fatal(err)
		}
		createUpload(t, db, newUpload(o.ID))
		createUpload(t, db, newUpload(taker.ID))
		if n, err := db.ForgetArtifacts(ctx, o.ID, 2); err != nil || n != 2 {
			t.Errorf("forgot %d, %v", n, err)
		}
		want("finish", db.FinishPurge(ctx, o.ID, later), nil)
		for id, n := range map[org.ID]int{o.ID: 0, taker.ID: 1} {
			artifacts, err := db.Artifacts(ctx, id, time.Time{}, digest.Digest{}, 10)
			uploads, errUploads := db.OpenUploads(ctx, id, 10)
			if err := errors.Join(err, errUploads); err != nil || len(artifacts) != 3*n || len(uploads) != n {
				t.Errorf("%d artifacts, %d uploads, %v", len(artifacts), len(uploads), err)
			}
		}
		d, err := db.Deletion(ctx, o.ID)
		if err != nil || d.Objects != 3 || d.Bytes != 5+1<<40 || d.BegunAt.IsZero() || d.PurgedAt.IsZero() {
			t.Errorf("%+v, %v", d, err)
		}
		want("begin again", db.BeginPurge(ctx, o.ID, later.Add(time.Hour), time.Minute), registry.ErrConflict)
		_, err = db.UndeleteOrganization(ctx, o.ID, "")
		want("undelete of a purged one", err, registry.ErrPurging)

		deleted, err := db.DeletedOrganizations(ctx, "", org.ID{}, 10)
		if err != nil || len(deleted) != 1 || deleted[0].ID != o.ID || deleted[0].Deletion != d {
			t.Errorf("%+v, %v", deleted, err)
		}
		if none, err := db.DeletedOrganizations(ctx, "acme", org.ID{}, 10); err != nil || len(none) != 0 {
			t.Errorf("of another name: %v, %v", none, err)
		}
		if none, err := db.DeletedOrganizations(ctx, "acme-again", o.ID, 10); err != nil || len(none) != 0 {
			t.Errorf("behind the last: %v, %v", none, err)
		}
	})
}
