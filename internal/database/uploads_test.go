package database_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

const uploadLimit = 3

func newUpload(owner org.ID) registry.Upload {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return registry.Upload{
		ID: uuid.New(), Org: owner, Digest: digest.Of([]byte("x")), Name: uuid.New(), Resumable: true,
		Length: digest.UnknownLength, FileName: "a.txt", StorageID: "s3", Hash: []byte{}, Generation: 1,
		CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

func createUpload(t *testing.T, db *database.DB, u registry.Upload) registry.Upload {
	t.Helper()
	if err := db.CreateUpload(t.Context(), u, uploadLimit); err != nil {
		t.Fatal(err)
	}
	return u
}

// TestUploadAdvances: parts, offset and hash change together, and a second process sees
// what the first has written.
func TestUploadAdvances(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		u := createUpload(t, db, newUpload(create(t, db, "acme").ID))
		for n := 1; n <= 3; n++ {
			u.Committed, u.Hash = int64(n), []byte{0, byte(n), 255}
			p := registry.UploadPart{Number: n, Size: 1, ETag: `"e"`, CRC: 1<<63 + uint64(n)}
			u.Parts = append(u.Parts, p)
			if err := db.AdvanceUpload(t.Context(), u, []registry.UploadPart{p}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := db.Upload(t.Context(), u.Org, u.Digest, u.Name)
		if d := diff(u, got); err != nil || d != "" {
			t.Errorf("%v (-want +got):\n%s", err, d)
		}
		// A part that is there already: nothing of the step is kept.
		u.Committed = 100
		if err := db.AdvanceUpload(t.Context(), u, []registry.UploadPart{{Number: 3}}); !errors.Is(err, registry.ErrExists) {
			t.Errorf("the same part again: %v", err)
		}
		if again, err := db.Upload(t.Context(), u.Org, u.Digest, u.Name); err != nil || again.Committed != 3 {
			t.Errorf("half a step was kept: %d, %v", again.Committed, err)
		}
	})
}

// TestUploadHasOneWriter: whoever holds an older generation changes nothing any more.
func TestUploadHasOneWriter(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		u := createUpload(t, db, newUpload(create(t, db, "acme").ID))
		now := time.Now()
		var wins atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				switch err := db.TakeUpload(t.Context(), u, now, now.Add(time.Hour)); {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, registry.ErrConflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 {
			t.Errorf("%d took it over", wins.Load())
		}
		for what, err := range map[string]error{
			"advance": db.AdvanceUpload(t.Context(), u, nil),
			"keep":    db.KeepUpload(t.Context(), u, now),
		} {
			if !errors.Is(err, registry.ErrConflict) {
				t.Errorf("%s by the older writer: %v", what, err)
			}
		}
		if err := db.DeleteUpload(t.Context(), u); err != nil {
			t.Error(err)
		}
		got, err := db.Upload(t.Context(), u.Org, u.Digest, u.Name)
		if err != nil || got.Generation != 2 {
			t.Fatalf("the older writer removed or changed it: %+v, %v", got, err)
		}
		if err := db.DeleteUpload(t.Context(), got); err != nil {
			t.Error(err)
		}
		if _, err := db.Upload(t.Context(), u.Org, u.Digest, u.Name); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
}

// TestUploadIsTakenWhereItIs: who has read an older offset than the writer has reached does
// not take the upload over; it would go on from there.
func TestUploadIsTakenWhereItIs(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		read := createUpload(t, db, newUpload(create(t, db, "acme").ID))
		ahead := read
		ahead.Committed += 5 << 20
		if err := db.AdvanceUpload(t.Context(), ahead, nil); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		if err := db.TakeUpload(t.Context(), read, now, now.Add(time.Hour)); !errors.Is(err, registry.ErrConflict) {
			t.Errorf("from an older offset: %v", err)
		}
		if err := db.TakeUpload(t.Context(), ahead, now, now.Add(time.Hour)); err != nil {
			t.Error(err)
		}
	})
}

// TestUploadsOfOrganizations: the limit counts resumable ones of one organization, and
// names are an organization's own.
func TestUploadsOfOrganizations(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		one, other := create(t, db, "one").ID, create(t, db, "other").ID
		single := newUpload(one)
		single.Resumable = false
		createUpload(t, db, single)
		var last registry.Upload
		for range uploadLimit {
			last = createUpload(t, db, newUpload(one))
		}
		if err := db.CreateUpload(t.Context(), newUpload(one), uploadLimit); !errors.Is(err, registry.ErrTooMany) {
			t.Errorf("one more: %v", err)
		}
		single.ID, single.Name = uuid.New(), uuid.New()
		createUpload(t, db, single)
		if _, err := db.Upload(t.Context(), one, single.Digest, single.Name); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("one that is not resumable: %v", err)
		}
		if _, err := db.Upload(t.Context(), other, last.Digest, last.Name); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("by another organization: %v", err)
		}
		foreign := newUpload(other)
		foreign.Name = last.Name
		createUpload(t, db, foreign)
		foreign.ID = uuid.New()
		if err := db.CreateUpload(t.Context(), foreign, uploadLimit); !errors.Is(err, registry.ErrExists) {
			t.Errorf("the same name twice: %v", err)
		}
		if n, err := db.CountUploads(t.Context()); err != nil || n != uploadLimit+3 {
			t.Errorf("%d uploads, %v", n, err)
		}
	})
}

func TestExpiredUploads(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		owner := create(t, db, "acme").ID
		now := time.Now()
		var want []uuid.UUID
		for _, age := range []time.Duration{time.Minute, 0, -time.Microsecond} {
			u := newUpload(owner)
			u.ExpiresAt = now.Add(-age)
			createUpload(t, db, u)
			if age >= 0 {
				want = append(want, u.ID)
			}
		}
		for limit := range 3 {
			got, err := db.ExpiredUploads(t.Context(), now, limit+1)
			var ids []uuid.UUID
			for _, u := range got {
				ids = append(ids, u.ID)
			}
			if d := diff(want[:min(limit+1, 2)], ids); err != nil || d != "" {
				t.Errorf("limit %d: %v\n%s", limit+1, err, d)
			}
		}
	})
}
