package direct_test

import (
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/test/rig"
)

// Several clients may get requests for one artifact, and say of it what they like. What is
// recorded is what the one whose request was sent has said, and the size that S3 has.
func TestTheObjectSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	known := &catalogue{}
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse, Recorder: known})
	acme := r.Org(t)
	content, d := rig.Content(10)
	first := uploader(acme)
	first.Subject = "first"
	p, _, err := r.Direct.Upload(t.Context(), first, direct.Upload{Digest: d, Size: 10, FileName: "first", MediaType: "text/plain"}, false)
	if err != nil {
		t.Fatal(err)
	}
	second := uploader(acme)
	second.Subject = "second"
	if _, _, err := r.Direct.Upload(t.Context(), second, direct.Upload{Digest: d, Size: 5, FileName: "second", MediaType: "text/html"}, false); err != nil {
		t.Fatal(err)
	}
	mustSend(t, p, content)
	if size, created, err := r.Direct.Confirm(t.Context(), first, d); err != nil || !created || size != 10 {
		t.Fatalf("%d bytes, created %t, %v", size, created, err)
	}
	got := known.entries()
	if len(got) != 1 {
		t.Fatalf("recorded %+v", got)
	}
	want := registry.Artifact{Org: acme, Digest: d, Size: 10, FileName: "first", MediaType: "text/plain", Uploader: "first", StoredAt: got[0].StoredAt}
	if got[0] != want {
		t.Errorf("recorded %+v, want %+v", got[0], want)
	}
}

// A database that does not answer is no fault of the client's, and passes.
func TestTheRecordsAreAway(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse})
	acme := r.Org(t)
	r.Session(t, acme)
	content, d := rig.Content(10)
	p := presign(t, r, acme, d, 10)
	mustSend(t, p, content)
	_, other := rig.Content(11)
	if err := r.DB.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, confirm := r.Direct.Confirm(t.Context(), uploader(acme), d)
	_, _, again := r.Direct.Upload(t.Context(), uploader(acme), direct.Upload{Digest: d, Size: 10}, false)
	_, _, fresh := r.Direct.Upload(t.Context(), uploader(acme), direct.Upload{Digest: other, Size: 11}, false)
	for what, err := range map[string]error{"confirm": confirm, "upload of what is there": again, "upload": fresh} {
		if problem.KindOf(cas.Problem(err)) != problem.Unavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
}
