package catalogue_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/catalogue"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/test/rig"
)

// An entry is there when the upload is answered, and says what was said. Nothing is read
// for it, and S3 is asked for nothing more.
func TestUploadsHaveEntries(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: time.Minute})
	id, d := r.Org(t), troubled(r)
	c := r.StartCatalogue(t, catalogue.Config{Entries: d, Wait: time.Minute})
	label := cas.Label{FileName: "ä.json", MediaType: "application/json", Uploader: "ci/1"}
	for _, length := range []int64{cas.UnknownLength, 1000} {
		content, digest := rig.Content(1000)
		before := time.Now()
		r.Forget()
		ref := cas.Ref{Org: id, Digest: digest}
		if _, err := (catalogue.Recorded{Store: r.Store, Catalogue: c}).Offer(t.Context(), ref, length, bytes.NewReader(content), label); err != nil {
			t.Fatal(err)
		}
		got := entries(t, r, id)[digest]
		if at := got.StoredAt; at.Before(before.Truncate(time.Microsecond)) || at.After(time.Now()) {
			t.Errorf("stored at %v", at)
		}
		got.StoredAt = time.Time{}
		want := registry.Artifact{Org: id, Digest: digest, Size: 1000, FileName: "ä.json", MediaType: "application/json", Uploader: "ci/1"}
		if got != want {
			t.Errorf("length %d: %+v, want %+v", length, got, want)
		}
		if calls := r.Calls(); len(calls) != 1 || calls["PutObject"] != 1 {
			t.Errorf("S3 was asked for %v", calls)
		}
	}
	if n := d.reads.Load(); n != 0 {
		t.Errorf("the database was read %d times", n)
	}
}

// A database that does not answer neither fails an upload nor delays it beyond Wait; the
// entry follows when it is back, and at the latest when the server stops.
func TestADatabaseThatIsAwayDelaysNobody(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{})
	id, d := r.Org(t), troubled(r)
	c, stop := r.NewCatalogue(quick(d))
	held := make(chan struct{})
	d.hold.Store(&held)
	content, _ := rig.Content(10)
	ref := put(t, r, c, id, content, cas.Label{}) // it would wait for ever
	if s := c.Stats(); s.Late != 1 || s.Written != 0 || s.Queued != 1 {
		t.Errorf("%+v", s)
	}
	d.away.Store(true)
	close(held)
	for range 3 {
		<-d.entered // it is tried again
	}
	if len(entries(t, r, id)) != 0 {
		t.Error("an entry from nowhere")
	}
	d.away.Store(false)
	stop()
	if _, there := entries(t, r, id)[ref.Digest]; !there {
		t.Error("the entry was not written at the end")
	}
	if s := c.Stats(); s.Dropped != 0 || s.Failures == 0 || s.Written != 1 {
		t.Errorf("%+v", s)
	}
}

// The queue is bounded, and what exceeds the bound is counted, of both kinds.
func TestTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{})
	id, d := r.Org(t), troubled(r)
	d.away.Store(true)
	cfg := quick(d)
	cfg.MaxQueue, cfg.Drain = 3, time.Nanosecond
	c, stop := r.NewCatalogue(cfg)
	for i := range 4 {
		_, digest := rig.Content(32)
		ref := cas.Ref{Org: id, Digest: digest}
		c.Stored(t.Context(), ref, 1, cas.Label{}, true)
		c.Stored(t.Context(), ref, 1, cas.Label{}, false)
		want := int64(0)
		if i == 3 {
			want = 2
		}
		if s := c.Stats(); s.Dropped != want || s.Queued != min(i+1, 3) || s.Looking != min(i+1, 3) {
			t.Errorf("after %d: %+v", i+1, s)
		}
	}
	stop()
	if s := c.Stats(); s.Dropped != 8 {
		t.Errorf("what was left at the end is not counted: %+v", s)
	}
}

// Uploads that come together share a transaction.
func TestEntriesAreWrittenTogether(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{})
	id, d := r.Org(t), troubled(r)
	cfg := quick(d)
	cfg.Wait = time.Minute
	c := r.StartCatalogue(t, cfg)
	held := make(chan struct{})
	d.hold.Store(&held)
	var all sync.WaitGroup
	record := func() {
		all.Go(func() {
			_, digest := rig.Content(32)
			c.Record(t.Context(), registry.Artifact{Org: id, Digest: digest, Size: 1, StoredAt: time.Now()})
		})
	}
	record()
	<-d.entered // the first is on its way alone
	for range 256 {
		record()
	}
	waiting(t, c, 257)
	close(held)
	all.Wait()
	if s := c.Stats(); s.Batches != 2 || s.Written != 257 || s.Late != 0 || len(entries(t, r, id)) != 257 {
		t.Errorf("%+v", s)
	}
}

// A duplicate that has no entry gets the one of its object, with the words of whoever came
// first; one that has an entry changes nothing and costs no request.
func TestDuplicatesPutEntriesBack(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: time.Minute})
	id, d := r.Org(t), troubled(r)
	c, stop := r.NewCatalogue(quick(d))
	content, digest := rig.Content(1000)
	ref := cas.Ref{Org: id, Digest: digest}
	first := cas.Label{FileName: "first", MediaType: "text/plain", Uploader: "a/1"}
	if _, err := r.Store.Put(t.Context(), ref, 1000, bytes.NewReader(content), first); err != nil { // and the server was killed
		t.Fatal(err)
	}
	put(t, r, c, id, content, cas.Label{FileName: "second", MediaType: "text/csv", Uploader: "b/2"})
	stop()
	got := entries(t, r, id)[digest]
	if got.FileName != "first" || got.MediaType != "text/plain" || got.Uploader != "a/1" || got.Size != 1000 || got.StoredAt.IsZero() {
		t.Errorf("%+v", got)
	}

	c, stop = r.NewCatalogue(quick(d))
	r.Forget()
	put(t, r, c, id, content, cas.Label{FileName: "third"})
	stop()
	if calls := r.Calls(); len(calls) != 1 || calls["PutObject"] != 1 {
		t.Errorf("S3 was asked for %v", calls)
	}
	if again := entries(t, r, id)[digest]; again != got || c.Stats().Restored != 0 {
		t.Errorf("%+v became %+v", got, again)
	}
}

// An entry of an organization that is gone does not keep others from being written.
func TestAStrangersEntryIsDropped(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{})
	id, d := r.Org(t), troubled(r)
	cfg := quick(d)
	cfg.Wait = time.Minute
	c := r.StartCatalogue(t, cfg)
	held := make(chan struct{})
	d.hold.Store(&held)
	var all sync.WaitGroup
	for _, owner := range []org.ID{id, org.NewID(), id} {
		all.Go(func() {
			_, digest := rig.Content(32)
			c.Record(t.Context(), registry.Artifact{Org: owner, Digest: digest, Size: 1, StoredAt: time.Now()})
		})
	}
	waiting(t, c, 3)
	close(held)
	all.Wait()
	if s := c.Stats(); s.Dropped != 1 || len(entries(t, r, id)) != 2 {
		t.Errorf("%+v, %d entries", s, len(entries(t, r, id)))
	}
}
