package catalogue_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/catalogue"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/test/rig"
)

// Whatever happens to uploads, duplicates, the database and the server, and in whatever
// order: what the catalogue has is stored, each organization has its own entries only, and
// after a rebuild the catalogue has all that is stored, as it was uploaded first.
func TestTheCatalogueFollowsWhatIsStored(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: time.Minute})
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			organizations := []org.ID{r.Org(t), r.Org(t)}
			first := map[cas.Ref]cas.Label{}
			var contents [][]byte
			d := troubled(r)
			go func() {
				for range d.entered { //nolint:revive // nobody waits for it here
				}
			}()
			start := func() (*catalogue.Catalogue, func()) {
				cfg := quick(d)
				cfg.Drain = []time.Duration{time.Nanosecond, 50 * time.Millisecond}[random.IntN(2)]
				return r.NewCatalogue(cfg)
			}
			c, stop := start()
			for step := range 60 {
				switch random.IntN(8) {
				case 0:
					d.away.Store(true)
				case 1:
					d.away.Store(false)
				case 2: // killed, when the database is away
					stop()
					c, stop = start()
				default:
					id := organizations[random.IntN(2)]
					if len(contents) == 0 || random.IntN(3) > 0 {
						content, _ := rig.Content(1 + random.IntN(100))
						contents = append(contents, content)
					}
					content := contents[random.IntN(len(contents))]
					label := cas.Label{FileName: cas.FileName(fmt.Sprint("file ", step)), MediaType: "text/plain", Uploader: "ci/1"}
					ref := put(t, r, c, id, content, label)
					if _, known := first[ref]; !known {
						first[ref] = label
					}
				}
				for _, id := range organizations {
					for digest := range entries(t, r, id) {
						if _, there := first[cas.Ref{Org: id, Digest: digest}]; !there {
							t.Fatalf("step %d: the catalogue has %s, which was never stored", step, digest)
						}
					}
				}
			}
			d.away.Store(true)
			stop()
			close(d.entered)

			for _, id := range organizations {
				rebuilder := catalogue.Rebuilder{Entries: r.DB, Objects: r.Store, Plan: true}
				before := entries(t, r, id)
				plan, err := rebuilder.Rebuild(t.Context(), id)
				if err != nil || len(entries(t, r, id)) != len(before) || plan.Added != 0 {
					t.Errorf("the plan did something: %+v, %v", plan, err)
				}
				rebuilder.Plan = false
				done, err := rebuilder.Rebuild(t.Context(), id)
				if err != nil || done.Added != plan.Missing || done.Stored != len(before)+done.Added {
					t.Errorf("%+v after %+v, %v", done, plan, err)
				}
				if again, err := rebuilder.Rebuild(t.Context(), id); err != nil || again.Missing != 0 || again.Added != 0 {
					t.Errorf("a second time: %+v, %v", again, err)
				}
				var listed []string
				for digest, a := range entries(t, r, id) {
					listed = append(listed, digest.String())
					got := cas.Label{FileName: cas.FileName(a.FileName), MediaType: cas.MediaType(a.MediaType), Uploader: a.Uploader}
					if want := first[cas.Ref{Org: id, Digest: digest}]; got != want {
						t.Errorf("%s is %+v, want %+v", digest, got, want)
					}
					if was, ok := before[digest]; ok && was != a {
						t.Errorf("%+v became %+v", was, a)
					}
				}
				if slices.Sort(listed); !slices.Equal(listed, stored(t, r, id)) {
					t.Errorf("the catalogue has %q, stored are %q", listed, stored(t, r, id))
				}
			}
		})
	}
}

// More than a page of objects: each is found, once, and what is no artifact is left alone.
func TestRebuildOfManyPages(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: time.Minute})
	id := r.Org(t)
	const artifacts = 1100
	var uploads sync.WaitGroup
	slots := make(chan struct{}, 8)
	for range artifacts {
		uploads.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			content, d := rig.Content(8)
			if _, err := r.Store.Put(t.Context(), cas.Ref{Org: id, Digest: d}, 8, bytes.NewReader(content), cas.Label{}); err != nil {
				t.Error(err)
			}
		})
	}
	uploads.Wait()
	pages := 0
	rebuilder := catalogue.Rebuilder{Entries: r.DB, Objects: r.Store, Progress: func(catalogue.Tally) { pages++ }}
	tally, err := rebuilder.Rebuild(t.Context(), id)
	if want := (catalogue.Tally{Stored: artifacts, Missing: artifacts, Added: artifacts}); err != nil || tally != want || pages != 2 {
		t.Errorf("%+v in %d pages, %v", tally, pages, err)
	}
	if n := len(entries(t, r, id)); n != artifacts {
		t.Errorf("%d entries", n)
	}
	if missing, err := r.DB.MissingArtifacts(t.Context(), id, []digest.Digest{digest.Of(nil)}); err != nil || len(missing) != 1 {
		t.Errorf("%v, %v", missing, err)
	}
}
