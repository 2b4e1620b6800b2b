package catalogue_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/catalogue"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/test/rig"
)

func TestMain(m *testing.M) { databasetest.MainOnEach(m, database.Migrate) }

// trouble is the rig's database with something in between.
type trouble struct {
	*database.DB
	away    atomic.Bool                   // every call fails
	hold    atomic.Pointer[chan struct{}] // every write waits for it, as long as it may
	reads   atomic.Int64
	entered chan struct{} // has something when a write has begun
}

var errAway = errors.New("the database is away")

func troubled(r *rig.Rig) *trouble {
	return &trouble{DB: r.DB, entered: make(chan struct{}, 1000)}
}

func (d *trouble) AddArtifacts(ctx context.Context, artifacts []registry.Artifact) error {
	d.entered <- struct{}{}
	if hold := d.hold.Load(); hold != nil {
		select {
		case <-*hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if d.away.Load() {
		return errAway
	}
	return d.DB.AddArtifacts(ctx, artifacts)
}

func (d *trouble) MissingArtifacts(ctx context.Context, id org.ID, digests []digest.Digest) ([]digest.Digest, error) {
	d.reads.Add(1)
	if d.away.Load() {
		return nil, errAway
	}
	return d.DB.MissingArtifacts(ctx, id, digests)
}

func (d *trouble) MisplacedArtifacts(ctx context.Context, id org.ID, backend uuid.UUID, digests []digest.Digest) ([]digest.Digest, error) {
	d.reads.Add(1)
	if d.away.Load() {
		return nil, errAway
	}
	return d.DB.MisplacedArtifacts(ctx, id, backend, digests)
}

// quick is a catalogue that nobody waits for, and that waits for a busy machine.
func quick(d *trouble) catalogue.Config {
	return catalogue.Config{Entries: d, Wait: 5 * time.Millisecond, Retry: time.Millisecond, Attempt: time.Minute, Drain: time.Minute}
}

func put(t *testing.T, r *rig.Rig, c *catalogue.Catalogue, id org.ID, content []byte, label cas.Label) cas.Ref {
	t.Helper()
	ref := cas.Ref{Org: id, Digest: digest.Of(content)}
	if _, err := (catalogue.Recorded{Store: r.Store, Catalogue: c}).Put(t.Context(), ref, cas.UnknownLength, bytes.NewReader(content), label); err != nil {
		t.Fatal(err)
	}
	return ref
}

// entries reads the whole catalogue of an organization, by digest.
func entries(t *testing.T, r *rig.Rig, id org.ID) map[digest.Digest]registry.Artifact {
	t.Helper()
	page, err := r.DB.Artifacts(t.Context(), id, time.Time{}, digest.Digest{}, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	all := map[digest.Digest]registry.Artifact{}
	for _, a := range page {
		if a.Org != id {
			t.Errorf("an entry of %s in the list of %s", a.Org, id)
		}
		all[a.Digest] = a
	}
	return all
}

// stored are the digests of an organization's objects, as the operator sees them.
func stored(t *testing.T, r *rig.Rig, id org.ID) []string {
	t.Helper()
	var digests []string
	for _, key := range r.Objects(t) {
		if rest, own := strings.CutPrefix(key, id.String()+"/"); own {
			digests = append(digests, rest)
		}
	}
	slices.Sort(digests)
	return digests
}

// waiting returns when n entries wait for the database.
func waiting(t *testing.T, c *catalogue.Catalogue, n int) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for c.Stats().Queued < n {
		select {
		case <-look.C:
		case <-t.Context().Done():
			t.Fatal("they never came")
		}
	}
}
