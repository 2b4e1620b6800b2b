package database_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func ownBucket(id org.ID, name string) registry.Backend {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return registry.Backend{
		ID: uuid.New(), Org: id, Name: name, Status: registry.BackendValid, Description: "ours",
		Bucket:    tenancy.OwnBucket{Name: "acme-artifacts", Region: "eu-west-1", RoleARN: "arn:aws:iam::999999999999:role/artifacts", ExternalID: "x"},
		CreatedAt: now, UpdatedAt: now, ValidatedAt: now, CheckAt: now,
	}
}

// standing says which backend is the default and which the fallback.
func standing(t *testing.T, db *database.DB, id org.ID) (primary, fallback string) {
	t.Helper()
	list, err := db.Backends(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list {
		if b.Default {
			primary = b.Name
		}
		if b.Fallback {
			fallback = b.Name
		}
	}
	return primary, fallback
}

func TestOwnBucketsTakeEachOthersPlaces(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")
		ctx := t.Context()
		expect := func(what, primary, fallback string) {
			t.Helper()
			if p, f := standing(t, db, o.ID); p != primary || f != fallback {
				t.Errorf("%s: the default is %q and the fallback %q, want %q and %q", what, p, f, primary, fallback)
			}
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		const managed = tenancy.StorageBackendName
		a, b, c := ownBucket(o.ID, "a"), ownBucket(o.ID, "b"), ownBucket(o.ID, "c")
		a.Default, b.Fallback = true, true
		must(db.CreateBackend(ctx, a))
		if got, err := db.Backend(ctx, o.ID, a.ID); err != nil || diff(a, got) != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff(a, got))
		}
		expect("a is made the default", "a", "")
		must(db.CreateBackend(ctx, b))
		expect("b is made the fallback", "a", "b")
		c.Fallback = true
		must(db.CreateBackend(ctx, c))
		expect("c is made the fallback", "a", "c")
		if err := db.CreateBackend(ctx, ownBucket(o.ID, "c")); !errors.Is(err, registry.ErrExists) {
			t.Errorf("a second c: %v, want ErrExists", err)
		}
		must(db.RecordValidation(ctx, a, "let us in", time.Now(), time.Now().Add(time.Hour)))
		expect("a is invalid", "c", "")
		must(db.DeleteBackend(ctx, c))
		expect("c is deleted", managed, "")
		b.Fallback, b.Default = false, true
		change := func(b registry.Backend) {
			t.Helper()
			now, err := db.Backend(ctx, o.ID, b.ID)
			must(err)
			b.UpdatedAt = now.UpdatedAt.Add(time.Millisecond)
			must(db.UpdateBackend(ctx, b, now.UpdatedAt))
			if err := db.UpdateBackend(ctx, b, now.UpdatedAt); !errors.Is(err, registry.ErrConflict) {
				t.Errorf("a change of what it was before: %v, want ErrConflict", err)
			}
		}
		change(b)
		b.Default = false
		change(b)
		expect("b is the default no longer", managed, "")
		events, err := db.Events(ctx, o.ID, 100)
		must(err)
		said := map[string]int64{}
		for _, e := range events {
			said[e.Message] = e.Count
		}
		for _, want := range []string{"the storage backend a is not valid; artifacts are stored in c", "the storage backend c was deleted; artifacts are stored in " + managed} {
			if said[want] != 1 {
				t.Errorf("no event says %q: %v", want, said)
			}
		}
		// The managed one can be made the default again, and is not changed otherwise.
		b.Default = true
		change(b)
		list, err := db.Backends(ctx, o.ID)
		must(err)
		for _, m := range list {
			if m.Managed {
				m.Default, m.MaxBytes, m.Description = true, 1, "changed"
				change(m)
				if got, err := db.Backend(ctx, o.ID, m.ID); err != nil || got.MaxBytes != 0 || got.Description != "" {
					t.Errorf("the managed backend was changed: %+v, %v", got, err)
				}
				if err := db.DeleteBackend(ctx, m); !errors.Is(err, registry.ErrNotFound) {
					t.Errorf("the managed backend was deleted: %v", err)
				}
			}
		}
		expect("the managed one is the default", managed, "")
	})
}

// Each change of an own bucket is in the organization's chain, without its coordinates
// (facts WIRE §9 d).
func TestAuditOfOwnBuckets(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")
		b := ownBucket(o.ID, "a")
		b.Default = true
		changed := b
		changed.Description, changed.UpdatedAt = "changed", b.UpdatedAt.Add(time.Second)
		for _, err := range []error{
			db.CreateBackend(t.Context(), b),
			db.UpdateBackend(t.Context(), changed, b.UpdatedAt),
			db.RecordValidation(t.Context(), changed, "", time.Now(), time.Now()), // as before: nothing to be said
			db.RecordValidation(t.Context(), changed, "let us in", time.Now(), time.Now()),
			db.RecordValidation(t.Context(), changed, "let us in", time.Now(), time.Now()), // by another process, which saw what the first did
			db.RecordValidation(t.Context(), changed, "", time.Now(), time.Now()),          // likewise: it saw a valid one
			db.DeleteBackend(t.Context(), b),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		var actions []string
		for _, r := range chain(t, db, audit.Of(o.ID))[1:] { // after its creation
			actions = append(actions, strings.TrimSpace(r.Action+" "+r.Details["status"]))
			if text := fmt.Sprint(r); strings.Contains(text, "arn:") || strings.Contains(text, b.Bucket.Name) {
				t.Errorf("a record has coordinates: %s", text)
			}
		}
		want := []string{audit.BackendCreate, audit.BackendUpdate, audit.BackendValidate + " invalid", audit.BackendDefault, audit.BackendValidate + " valid", audit.BackendDelete}
		if d := diff(want, actions); d != "" {
			t.Errorf("records (-want +got):\n%s", d)
		}
	})
}

// An organization has its backends to itself: with another's id there is nothing.
func TestBackendsOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		acme, mallory := create(t, db, "acme"), create(t, db, "mallory")
		b := ownBucket(acme.ID, "a")
		if err := db.CreateBackend(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		foreign := b
		foreign.Org = mallory.ID
		_, err := db.Backend(t.Context(), mallory.ID, b.ID)
		for what, err := range map[string]error{"read": err, "delete": db.DeleteBackend(t.Context(), foreign)} {
			if !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", what, err)
			}
		}
		if err := db.UpdateBackend(t.Context(), foreign, b.UpdatedAt); !errors.Is(err, registry.ErrConflict) {
			t.Errorf("update: %v, want ErrConflict", err)
		}
		if err := db.RecordValidation(t.Context(), foreign, "", time.Now(), time.Now()); !errors.Is(err, registry.ErrConflict) {
			t.Errorf("record: %v, want ErrConflict", err)
		}
		one, err := db.ExternalID(t.Context(), acme.ID)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := db.ExternalID(t.Context(), acme.ID)
		other, _ := db.ExternalID(t.Context(), mallory.ID)
		if one != again || one == other || len(one) < 30 {
			t.Errorf("external ids %q, %q, and another organization's %q", one, again, other)
		}
	})
}

func TestABucketsLimitAndTurn(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")
		for i := range registry.MaxBackends {
			if err := db.CreateBackend(t.Context(), ownBucket(o.ID, string(rune('a'+i)))); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.CreateBackend(t.Context(), ownBucket(o.ID, "one-more")); !errors.Is(err, registry.ErrTooMany) {
			t.Errorf("one more: %v, want ErrLimit", err)
		}
		now := time.Now() // when all of them are there, however long that took
		first, err := db.DueBackends(t.Context(), now.Add(time.Second), now.Add(time.Hour), 15)
		if err != nil || len(first) != 15 {
			t.Fatalf("%d are due, %v, want 15", len(first), err)
		}
		rest, err := db.DueBackends(t.Context(), now.Add(time.Second), now.Add(time.Hour), 15)
		if err != nil || len(rest) != registry.MaxBackends-15 {
			t.Errorf("then %d are due, %v: some are validated twice, or never", len(rest), err)
		}
		if _, err := db.SetOrganizationState(t.Context(), o.ID, org.Deleting, ""); err != nil {
			t.Fatal(err)
		}
		if gone, err := db.DueBackends(t.Context(), now.Add(2*time.Hour), now, 15); err != nil || len(gone) != 0 {
			t.Errorf("of a deleted organization %d are due, %v", len(gone), err)
		}
		// It comes back with its own default.
		if _, err := db.UndeleteOrganization(t.Context(), o.ID, ""); err != nil {
			t.Error(err)
		}
	})
}

// What was stored last says where an artifact is; what is in a bucket that is not valid
// counts as missing.
func TestArtifactsAreWhereTheyWereStoredLast(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")
		b := ownBucket(o.ID, "a")
		if err := db.CreateBackend(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		d := digest.Of([]byte("x"))
		store := func(backend uuid.UUID) {
			t.Helper()
			if err := db.AddArtifacts(t.Context(), []registry.Artifact{{Org: o.ID, Digest: d, Size: 1, StoredAt: time.Now(), Backend: backend}}); err != nil {
				t.Fatal(err)
			}
			if got, err := db.ArtifactBackend(t.Context(), o.ID, d); err != nil || got != backend {
				t.Errorf("it is in %s, %v, want %s", got, err, backend)
			}
		}
		missing := func(what string, want int) {
			t.Helper()
			if got, err := db.MissingArtifacts(t.Context(), o.ID, []digest.Digest{d}); err != nil || len(got) != want {
				t.Errorf("%s: %d are missing, %v, want %d", what, len(got), err, want)
			}
		}
		if _, err := db.ArtifactBackend(t.Context(), o.ID, d); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("without an entry: %v, want ErrNotFound", err)
		}
		store(uuid.Nil)
		store(b.ID)
		missing("in a valid bucket", 0)
		if got, err := db.MisplacedArtifacts(t.Context(), o.ID, uuid.Nil, []digest.Digest{d, d}); err != nil || len(got) != 1 {
			t.Errorf("%d are not in the managed backend, %v, want 1", len(got), err)
		}
		if got, err := db.MisplacedArtifacts(t.Context(), o.ID, b.ID, []digest.Digest{d}); err != nil || len(got) != 0 {
			t.Errorf("%d are not in the bucket, %v, want 0", len(got), err)
		}
		if err := db.RecordValidation(t.Context(), b, "let us in", time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
		missing("in an invalid bucket", 1)
		if err := db.DeleteBackend(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		missing("in a deleted backend", 1)
		store(uuid.Nil)
		missing("in the managed backend again", 0)
	})
}
