package purge_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/purge"
)

// restored makes the database say what a backup would that was taken while the
// organization was deleted, before it was brought back: its retention is over by now. In
// AWS it lives.
func (w *world) restored(t *testing.T, id org.ID) {
	t.Helper()
	for _, state := range []org.State{org.Deleting, org.Deleted} {
		if _, err := w.db.SetOrganizationState(t.Context(), id, state, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.db.RetainObjects(t.Context(), id, 0); err != nil {
		t.Fatal(err)
	}
}

// kept checks that nothing was purged, and that nothing will be for a day.
func (w *world) kept(t *testing.T, id org.ID, before []string) {
	t.Helper()
	if now := w.listed(t, id); len(before) != 3 || !slices.Equal(now, before) {
		t.Errorf("the organization has %q, had %q", now, before)
	}
	d, err := w.db.Deletion(t.Context(), id)
	if err != nil || !d.BegunAt.IsZero() || time.Until(d.PurgeAt) < 23*time.Hour {
		t.Errorf("deletion %+v, %v", d, err)
	}
	if _, err := w.db.UndeleteOrganization(t.Context(), id, ""); err != nil {
		t.Errorf("undelete: %v", err)
	}
}

// An organization that has an access point was alive after its deletion was recorded: the
// database is an old copy. Whoever sees it first, its objects are kept for a while more.
func TestARestoredDatabasePurgesNobodyWhoLives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	purgedFirst, reconciledFirst := w.organization(t, 3), w.organization(t, 3)
	for o, first := range map[org.Organization]func(){
		purgedFirst: func() {},
		reconciledFirst: func() { // which takes the access point away
			w.reconcile(t, reconciledFirst.ID)
			if _, err := w.root.AccessPoint(t.Context(), w.in.Tenant(reconciledFirst.ID).APName()); err == nil {
				t.Error("the access point of a deleted organization was left")
			}
		},
	} {
		before := w.listed(t, o.ID)
		w.restored(t, o.ID)
		first()
		if err := w.purger(t, w.network).Due(t.Context()); err != nil {
			t.Error(err)
		}
		w.kept(t, o.ID, before)
	}
}

// An access point of its name on another bucket says nothing about its objects, and one
// that cannot be read is no reason to delete anything.
func TestPurgeAsksForTheAccessPoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t, 3)
	before := w.listed(t, o.ID)
	w.deleted(t, o.ID)
	down := faults.Plan{Rules: []faults.Rule{{Operation: "GetAccessPoint", Kind: faults.Failure, Status: 403, Code: "AccessDenied"}}}
	if err := w.aws.Faults().Replace(down); err != nil {
		t.Fatal(err)
	}
	if err := w.purger(t, w.network).Due(t.Context()); err == nil {
		t.Error("purged without a look")
	}
	if now := w.listed(t, o.ID); !slices.Equal(now, before) {
		t.Errorf("the organization has %q, had %q", now, before)
	}
	if err := w.aws.Faults().Replace(faults.Plan{}); err != nil {
		t.Fatal(err)
	}
	if err := w.root.CreateBucket(t.Context(), "elsewhere"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.root.CreateAccessPoint(t.Context(), w.in.Tenant(o.ID).APName(), "elsewhere"); err != nil {
		t.Fatal(err)
	}
	if err := w.purger(t, w.network).Due(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.purged(t, o.ID)
}

// meanwhile has something happen right after it was found out what is due.
type meanwhile struct {
	*database.DB
	happens func()
}

func (m meanwhile) DuePurges(ctx context.Context, now time.Time, limit int) ([]org.ID, error) {
	due, err := m.DB.DuePurges(ctx, now, limit)
	m.happens()
	return due, err
}

// An organization that comes back while others are purged before it has its access point by
// right: that is no failure, and no reason to suspect the database.
func TestWhoComesBackWhileDueIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.organization(t, 3)
	before := w.listed(t, o.ID)
	w.deleted(t, o.ID)
	var log bytes.Buffer
	backend := w.cloud(t, w.backend, w.network)
	err := purge.New(purge.Config{
		Installation: w.in, AccessPoints: backend, Storage: backend, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Records: meanwhile{w.db, func() {
			if _, err := w.db.UndeleteOrganization(t.Context(), o.ID, ""); err != nil {
				t.Error(err)
			}
			w.reconcile(t, o.ID)
		}},
	}).Due(t.Context())
	if err != nil || log.Len() > 0 {
		t.Errorf("%v, and the log says:\n%s", err, &log)
	}
	if now := w.listed(t, o.ID); len(before) != 3 || !slices.Equal(now, before) {
		t.Errorf("the organization has %q, had %q", now, before)
	}
}
