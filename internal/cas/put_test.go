package cas_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/test/rig"
)

// The smallest sizes that S3 and Store allow: one part, and one part more in one
// request. Whatever is larger, or larger than a part and of unknown length, goes in
// parts.
const (
	part      = 5 << 20
	singleMax = part + 1000
)

func small() rig.Options { return rig.Options{PartSize: part, SinglePutMax: singleMax} }

// sizes are one of every class, and both sides of every border.
func sizes() []int {
	return []int{0, 1, part - 1, part, part + 1, singleMax, singleMax + 1}
}

// lengths are the ways to announce size bytes.
func lengths(size int) map[string]int64 {
	return map[string]int64{"known": int64(size), "unknown": cas.UnknownLength}
}

func read(t *testing.T, store *cas.Store, ref cas.Ref) []byte {
	t.Helper()
	artifact, err := store.Get(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer artifact.Close()
	content, err := io.ReadAll(artifact)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// What goes in comes out, at every size class, in one request or in parts; the second
// time it changes nothing.
func TestPutAndGet(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	for _, size := range sizes() {
		for name, length := range lengths(size) {
			content, d := rig.Content(size)
			if size == 0 {
				id = r.Org(t) // there is only one empty artifact
			}
			ref := cas.Ref{Org: id, Digest: d}
			for _, want := range []bool{true, false} {
				created, err := r.Store.Put(t.Context(), ref, length, bytes.NewReader(content), cas.Label{FileName: "a b.txt"})
				if err != nil || created != want {
					t.Fatalf("%d bytes, %s length: created %t, %v; want %t", size, name, created, err, want)
				}
			}
			if got := read(t, r.Store, ref); !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %s length: other content came back", size, name)
			}
			info, err := r.Store.Stat(t.Context(), ref)
			if err != nil || info.Size != int64(size) || info.FileName != "a b.txt" || info.Digest != d {
				t.Errorf("%d bytes, %s length: %+v, %v", size, name, info, err)
			}
		}
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// W1, W2, W3: whatever is wrong with a body, it is refused for that reason, nothing is
// stored, and the honest upload that follows succeeds.
func TestI3_WrongContentIsNeverStored(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	broken := errors.New("the client broke")
	for _, size := range sizes() {
		for name, length := range lengths(size) {
			content, d := rig.Content(size)
			flipped := bytes.Clone(content)
			if size > 0 {
				flipped[size/2] ^= 1
			}
			if size == 0 {
				id = r.Org(t) // there is only one empty artifact
			}
			ref := cas.Ref{Org: id, Digest: d}
			for _, fault := range []struct {
				what string
				body io.Reader
				want error
				skip bool
			}{
				{"another content", bytes.NewReader(flipped), digest.ErrMismatch, size == 0},
				{"one byte short", bytes.NewReader(content[:max(size-1, 0)]), either(length, digest.ErrLength), size == 0},
				{"nothing", bytes.NewReader(nil), either(length, digest.ErrLength), size == 0},
				{"one byte more", io.MultiReader(bytes.NewReader(content), bytes.NewReader([]byte{0})), either(length, digest.ErrLength), false},
				{"broken at its end", io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)), broken, false},
				{"broken in the middle", io.MultiReader(bytes.NewReader(content[:size/2]), iotest.ErrReader(broken)), broken, false},
			} {
				if fault.skip {
					continue
				}
				created, err := r.Store.Put(t.Context(), ref, length, fault.body, cas.Label{})
				if created || !errors.Is(err, fault.want) {
					t.Errorf("%d bytes, %s length, %s: created %t, %v; want %v", size, name, fault.what, created, err, fault.want)
				}
			}
			if exists, err := r.Store.Exists(t.Context(), ref); exists || err != nil {
				t.Fatalf("%d bytes, %s length: after the lies, exists %t, %v", size, name, exists, err)
			}
			if created, err := r.Store.Put(t.Context(), ref, length, bytes.NewReader(content), cas.Label{}); !created || err != nil {
				t.Errorf("%d bytes, %s length: the honest upload: created %t, %v", size, name, created, err)
			}
			if got := read(t, r.Store, ref); !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %s length: other content came back", size, name)
			}
		}
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// either is err for a body of known length. Where the length is not known, only the
// digest can be wrong.
func either(length int64, err error) error {
	if length == cas.UnknownLength {
		return digest.ErrMismatch
	}
	return err
}

// I4, W2: a lie about an artifact that is there is still a lie, and changes nothing.
func TestI4_TakenKeysAreNeitherOverwrittenNorTrusted(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	for _, size := range []int{1000, part + 1, 2*part + 1} {
		for name, length := range lengths(size) {
			content, d := rig.Content(size)
			ref := cas.Ref{Org: id, Digest: d}
			if _, err := r.Store.Put(t.Context(), ref, length, bytes.NewReader(content), cas.Label{FileName: "first"}); err != nil {
				t.Fatal(err)
			}
			lie, _ := rig.Content(size)
			if _, err := r.Store.Put(t.Context(), ref, length, bytes.NewReader(lie), cas.Label{FileName: "second"}); !errors.Is(err, digest.ErrMismatch) {
				t.Errorf("%d bytes, %s length: a lie: %v", size, name, err)
			}
			if created, err := r.Store.Put(t.Context(), ref, length, bytes.NewReader(content), cas.Label{FileName: "third"}); created || err != nil {
				t.Errorf("%d bytes, %s length: again: created %t, %v", size, name, created, err)
			}
			if info, err := r.Store.Stat(t.Context(), ref); err != nil || info.FileName != "first" {
				t.Errorf("%d bytes, %s length: the name is %q, %v", size, name, info.FileName, err)
			}
			if got := read(t, r.Store, ref); !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %s length: other content came back", size, name)
			}
		}
	}
}

// I4: of writers that are all in the middle of the same artifact, one creates it, and
// all succeed.
func TestI4_OneOfManyWritersCreates(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	for _, size := range []int{1000, part + 1, 2*part + 1} {
		content, d := rig.Content(size)
		const writers = 4
		var started, done sync.WaitGroup
		started.Add(writers)
		created, errs := make([]bool, writers), make([]error, writers)
		for i := range writers {
			length := int64(size)
			if i%2 == 1 {
				length = cas.UnknownLength
			}
			body := io.MultiReader(bytes.NewReader(content[:size/2]), &meeting{wait: func() {
				started.Done()
				started.Wait() // until everybody is here
			}}, bytes.NewReader(content[size/2:]))
			done.Go(func() {
				created[i], errs[i] = r.Store.Put(t.Context(), cas.Ref{Org: id, Digest: d}, length, body, cas.Label{})
			})
		}
		done.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if n := len(slices.DeleteFunc(created, func(c bool) bool { return !c })); n != 1 {
			t.Errorf("%d bytes: %d writers created it", size, n)
		}
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// meeting reads as nothing, once the others are there.
type meeting struct {
	wait func()
	once sync.Once
}

func (m *meeting) Read([]byte) (int, error) {
	m.once.Do(m.wait)
	return 0, io.EOF
}

// W16: a client that leaves in the middle of a multipart upload leaves no parts behind.
func TestW16_CanceledUploadsAreAborted(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	content, d := rig.Content(3 * part)
	for _, sent := range []int{part, part + 1, 2 * part, 3*part - 1} {
		ctx, leave := context.WithCancel(t.Context())
		body := io.MultiReader(bytes.NewReader(content[:sent]), readerFunc(func([]byte) (int, error) {
			leave()
			return 0, ctx.Err()
		}))
		if created, err := r.Store.Put(ctx, cas.Ref{Org: id, Digest: d}, cas.UnknownLength, body, cas.Label{}); created || !errors.Is(err, context.Canceled) {
			t.Errorf("after %d bytes: created %t, %v", sent, created, err)
		}
		if left := r.Uploads(t); len(left) > 0 {
			t.Errorf("after %d bytes: unfinished uploads: %q", sent, left)
		}
	}
	if calls := r.Calls(); calls["AbortMultipartUpload"] == 0 {
		t.Errorf("no upload was ever begun: %v", calls)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// An announced length beyond what the parts allow is refused before a byte is read.
func TestPutRefusesWhatNoUploadCanHold(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	_, d := rig.Content(1)
	_, err := r.Store.Put(t.Context(), cas.Ref{Org: org.NewID(), Digest: d}, r.Store.MaxSize()+1, iotest.ErrReader(errors.New("was read")), cas.Label{})
	if !errors.Is(err, cas.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// Another organization's artifact does not exist, whether or not one has the same
// bytes; nor does anything for an organization that is not provisioned.
func TestOrganizationsShareNothing(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	own, other := r.Org(t), r.Org(t)
	content, d := rig.Content(1000)
	if _, err := r.Store.Put(t.Context(), cas.Ref{Org: own, Digest: d}, 1000, bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Store.Get(t.Context(), cas.Ref{Org: other, Digest: d}); !errors.Is(err, cas.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if _, err := r.Store.Stat(t.Context(), cas.Ref{Org: other, Digest: d}); !errors.Is(err, cas.ErrNotFound) {
		t.Errorf("stat: %v", err)
	}
	if created, err := r.Store.Put(t.Context(), cas.Ref{Org: other, Digest: d}, 1000, bytes.NewReader(content), cas.Label{}); !created || err != nil {
		t.Errorf("put: created %t, %v", created, err)
	}
	want := []string{fmt.Sprintf("%s/%s", own, d), fmt.Sprintf("%s/%s", other, d)}
	slices.Sort(want)
	if got := r.Objects(t); !slices.Equal(got, want) {
		t.Errorf("the bucket holds %q, want %q", got, want)
	}
	if _, err := r.Store.Put(t.Context(), cas.Ref{Org: org.NewID(), Digest: d}, 1000, bytes.NewReader(content), cas.Label{}); err == nil || errors.Is(err, cloud.ErrDenied) {
		t.Errorf("an organization that does not exist: %v", err)
	}
}
