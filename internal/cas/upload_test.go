package cas_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

// What an upload costs in requests: a new one that fits one request exactly that one, a
// duplicate never more than one, whatever is known of it beforehand.
func TestRequestsPerUpload(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	one := map[string]int{"PutObject": 1}
	look := map[string]int{"ListObjectsV2": 1}
	parts := map[string]int{"ListObjectsV2": 1, "CreateMultipartUpload": 1, "UploadPart": 3, "CompleteMultipartUpload": 1}
	type store = func(context.Context, cas.Ref, int64, io.Reader, cas.Label) (bool, error)
	for _, row := range []struct {
		what       string
		store      store
		size       int
		known      bool
		new, again map[string]int
	}{
		{"small, of known length", r.Store.Put, 4 << 10, true, one, one},
		{"small, of unknown length", r.Store.Put, 4 << 10, false, one, one},
		{"almost a part, of unknown length", r.Store.Put, part - 1, false, one, one},
		{"in parts", r.Store.Put, 2*part + 1, false, parts, look},
		{"in parts, offered", r.Store.Offer, 2*part + 1, false, parts, look},
		{"small, offered", r.Store.Offer, 4 << 10, true, one, one},
		{"large, offered", r.Store.Offer, part, true, map[string]int{"ListObjectsV2": 1, "PutObject": 1}, look},
	} {
		content, d := rig.Content(row.size)
		length := int64(cas.UnknownLength)
		if row.known {
			length = int64(row.size)
		}
		for _, step := range []struct {
			created bool
			want    map[string]int
		}{{true, row.new}, {false, row.again}} {
			r.Forget()
			created, err := row.store(t.Context(), cas.Ref{Org: id, Digest: d}, length, bytes.NewReader(content), cas.Label{})
			if got := r.Calls(); err != nil || created != step.created || !maps.Equal(got, step.want) {
				t.Errorf("%s: created %t, %v after %v; want %t after %v", row.what, created, err, got, step.created, step.want)
			}
		}
	}
}

// A duplicate that is offered is answered without its body where that spares something;
// a lie about one is never stored, and told by whoever read it.
func TestW2_OfferedDuplicates(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	content, d := rig.Content(2*part + 1)
	ref := cas.Ref{Org: id, Digest: d}
	if _, err := r.Store.Put(t.Context(), ref, int64(len(content)), bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	rest := iotest.ErrReader(errors.New("the rest was read"))
	for name, body := range map[string]io.Reader{"known": rest, "unknown": io.MultiReader(bytes.NewReader(content[:part+1]), rest)} {
		if created, err := r.Store.Offer(t.Context(), ref, lengths(len(content))[name], body, cas.Label{}); created || err != nil {
			t.Errorf("%s length: created %t, %v", name, created, err)
		}
	}
	lie := bytes.Clone(content)
	lie[len(lie)-1] ^= 1
	if _, err := r.Store.Put(t.Context(), ref, cas.UnknownLength, bytes.NewReader(lie), cas.Label{}); !errors.Is(err, digest.ErrMismatch) {
		t.Errorf("a lie: %v", err)
	}
	if !bytes.Equal(read(t, r.Store, ref), content) {
		t.Error("other content came back")
	}
}

// A session that ends in the middle of an upload is replaced, once.
func TestSessionsThatEndDuringAnUpload(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	for operation, size := range map[string]int{"PutObject": 1000, "ListObjectsV2": 2 * part, "CreateMultipartUpload": 2 * part, "UploadPart": 2 * part, "CompleteMultipartUpload": 2 * part} {
		for count, want := range map[int]error{1: nil, 100: cloud.ErrExpired} {
			content, d := rig.Content(size)
			fault := faults.Rule{Service: "s3", Operation: operation, Kind: faults.Failure, Status: 400, Code: "ExpiredToken", Count: count}
			if err := r.AWS.Faults().Replace(faults.Plan{Rules: []faults.Rule{fault}}); err != nil {
				t.Fatal(err)
			}
			_, err := r.Store.Put(t.Context(), cas.Ref{Org: id, Digest: d}, cas.UnknownLength, bytes.NewReader(content), cas.Label{})
			told := errors.Is(err, want)
			if operation == "UploadPart" && want != nil {
				// S3 closes the connection on a body that it refuses: its reason may be lost.
				told = told || errors.Is(err, cloud.ErrUnavailable)
			}
			if !told || err != nil && problem.KindOf(cas.Problem(err)) != problem.Unavailable {
				t.Errorf("%s, %d times: %v, want %v", operation, count, err, want)
			}
		}
	}
	if err := r.AWS.Faults().Replace(faults.Plan{}); err != nil {
		t.Fatal(err)
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// W15, I6: many large uploads at once hold what one process has for all of them, and
// all succeed: who finds no memory waits.
func TestW15_UploadsShareMemory(t *testing.T) { //nolint:paralleltest // it measures the process
	const uploads, size, most = 16, 24 << 20, 64 << 20
	r := rig.New(t, rig.Options{PartSize: part})
	id := r.Org(t)
	refs := make([]cas.Ref, uploads)
	for i := range refs {
		sum := newPattern(byte(i), size, func() {})
		content, err := io.ReadAll(sum)
		if err != nil {
			t.Fatal(err)
		}
		refs[i] = cas.Ref{Org: id, Digest: digest.Of(content)}
	}
	watch := newWatch()
	var all sync.WaitGroup
	var looking sync.Mutex
	look := func() {
		looking.Lock()
		defer looking.Unlock()
		watch.look()
	}
	for i, ref := range refs {
		all.Go(func() {
			if created, err := r.Store.Put(t.Context(), ref, cas.UnknownLength, newPattern(byte(i), size, look), cas.Label{}); err != nil || !created {
				t.Errorf("created %t, %v", created, err)
			}
		})
	}
	all.Wait()
	// The embedded AWS is in this process, too.
	if peak := watch.peak(); peak > most {
		t.Errorf("%d uploads took %d MiB", uploads, peak>>20)
	} else {
		t.Logf("%d uploads took %d MiB", uploads, peak>>20)
	}
}
