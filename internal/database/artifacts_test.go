package database_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// An entry comes back as it was, is never changed, and a batch is added as a whole or not
// at all.
func TestArtifacts(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")
		now := time.Now().UTC().Truncate(time.Microsecond)
		first := registry.Artifact{
			Org: o.ID, Digest: digest.Of([]byte("a")), Size: 1 << 40, FileName: `it's "ä" \ 🎉`, MediaType: "text/plain", Uploader: "ci/1", StoredAt: now,
		}
		changed := first
		changed.FileName, changed.Size, changed.StoredAt = "another", 1, now.Add(time.Hour)
		second := registry.Artifact{Org: o.ID, Digest: digest.Of([]byte("b")), StoredAt: now.Add(-time.Second)}
		for _, batch := range [][]registry.Artifact{{first}, {changed, second, second}, {}} {
			if err := db.AddArtifacts(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		got, err := db.Artifacts(t.Context(), o.ID, time.Time{}, digest.Digest{}, 10)
		if want := []registry.Artifact{first, second}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}

		third, stranger := second, second
		third.Digest, stranger.Org = digest.Of([]byte("c")), org.NewID()
		if err := db.AddArtifacts(t.Context(), []registry.Artifact{third, stranger}); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("unknown organization: %v, want ErrNotFound", err)
		}
		asked := []digest.Digest{third.Digest, first.Digest, third.Digest, digest.Of([]byte("d"))}
		missing, err := db.MissingArtifacts(t.Context(), o.ID, asked)
		if want := []digest.Digest{third.Digest, asked[3]}; err != nil || !slices.Equal(missing, want) {
			t.Errorf("%v, %v, want %v", missing, err, want)
		}
	})
}

// SQLite compares times as text: their order is that of the instants all the same.
func TestTimesAreInOrder(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		o := create(t, db, "acme")
		second := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
		var want []time.Time
		for _, after := range []time.Duration{1000 * time.Hour, time.Second, 999_999 * time.Microsecond, 100 * time.Millisecond, 12 * time.Millisecond, 10 * time.Millisecond, time.Microsecond, 0, -1000} {
			at := second.Add(after)
			want = append(want, at)
			a := registry.Artifact{Org: o.ID, Digest: digest.Of([]byte(at.String())), StoredAt: at.In(time.FixedZone("east", 3600))}
			if err := db.AddArtifacts(t.Context(), []registry.Artifact{a}); err != nil {
				t.Fatal(err)
			}
		}
		var got []time.Time
		for at, d := (time.Time{}), (digest.Digest{}); ; {
			page, err := db.Artifacts(t.Context(), o.ID, at, d, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			at, d = page[0].StoredAt, page[0].Digest
			got = append(got, at)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}
