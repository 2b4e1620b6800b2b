package cas_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/test/rig"
)

var errBroken = errors.New("the network broke")

func begin(t *testing.T, store *cas.Store, ref cas.Ref, length int64) uuid.UUID {
	t.Helper()
	name := uuid.New()
	state, err := store.BeginUpload(t.Context(), ref, name, length, cas.Label{FileName: "a b.txt"})
	if err != nil || state.Offset != 0 || state.Complete {
		t.Fatalf("begin: %+v, %v", state, err)
	}
	return name
}

// finish appends everything from where the upload is.
func finish(t *testing.T, store *cas.Store, ref cas.Ref, name uuid.UUID, content []byte) {
	t.Helper()
	state, err := store.SettleUpload(t.Context(), ref, name)
	if err != nil {
		t.Fatal(err)
	}
	state, err = store.Append(t.Context(), ref, name, cas.Append{Total: cas.UnknownLength,
		Offset: state.Offset, Body: bytes.NewReader(content[state.Offset:]), Last: true, Length: cas.UnknownLength,
	})
	if err != nil || !state.Complete || state.Offset != int64(len(content)) {
		t.Fatalf("finish: %+v, %v", state, err)
	}
	if got := read(t, store, ref); !bytes.Equal(got, content) {
		t.Error("other content came back")
	}
	if info, err := store.Stat(t.Context(), ref); err != nil || info.FileName != "a b.txt" {
		t.Errorf("%+v, %v", info, err)
	}
}

func digestOf(text string) digest.Digest { return digest.Of([]byte(text)) }

// partsSent counts the parts that S3 has taken.
func partsSent(r *rig.Rig) (n int) {
	for _, e := range r.AWS.Journal().Entries(journal.Filter{Service: "s3", Operation: "UploadPart"}) {
		if e.Status == http.StatusOK {
			n++
		}
	}
	return n
}

// An upload that is cut anywhere goes on in another process from the last part that S3
// has: no such part is sent twice.
func TestResume(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	id := r.Org(t)
	content, d := rig.Content(3*part + 1000)
	for _, length := range lengths(len(content)) {
		for _, cut := range []int{0, part - 1, part, 2*part + 1, 3 * part, len(content)} {
			ref := cas.Ref{Org: r.Org(t), Digest: d}
			name := begin(t, r.Store, ref, length)
			r.Forget()
			_, err := r.Store.Append(t.Context(), ref, name, cas.Append{Total: cas.UnknownLength,
				Body: io.MultiReader(bytes.NewReader(content[:cut]), iotest.ErrReader(errBroken)), Last: true, Length: cas.UnknownLength,
			})
			if !errors.Is(err, errBroken) {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			want := int64(cut / part * part)
			if int64(cut) == length {
				want = length // the last part is known to be the last
			}
			state, err := r.Store.FindUpload(t.Context(), ref, name)
			if err != nil || state.Complete || state.Offset != want {
				t.Errorf("cut at %d: %+v, %v", cut, state, err)
			}
			if exists, err := r.Store.Exists(t.Context(), ref); exists || err != nil {
				t.Errorf("cut at %d: exists %t, %v", cut, exists, err)
			}
			finish(t, r.Another(t), ref, name, content)
			if sent := partsSent(r); sent != 4 {
				t.Errorf("cut at %d: %d parts were sent", cut, sent)
			}
			if state, err := r.Store.FindUpload(t.Context(), ref, name); err != nil || !state.Complete {
				t.Errorf("afterwards: %+v, %v", state, err)
			}
		}
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
	if n, err := r.DB.CountUploads(t.Context()); n != 0 || err != nil {
		t.Errorf("%d records are left, %v", n, err)
	}
	if _, err := r.Store.FindUpload(t.Context(), cas.Ref{Org: id, Digest: d}, uuid.New()); !errors.Is(err, cas.ErrNoUpload) {
		t.Errorf("one that was never begun: %v", err)
	}
}

// Pieces of every length that is allowed make the same artifact, also an empty one.
func TestAppendInPieces(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	for _, pieces := range [][]int{{}, {1}, {part, 0}, {part, 1}, {part + 1, part, 2*part + 1, 0, 17}} {
		size := 0
		for _, n := range pieces {
			size += n
		}
		content, d := rig.Content(size)
		for _, length := range lengths(size) {
			ref := cas.Ref{Org: r.Org(t), Digest: d}
			name := begin(t, r.Store, ref, length)
			offset := int64(0)
			for _, n := range pieces[:max(len(pieces)-1, 0)] {
				state, err := r.Store.Append(t.Context(), ref, name, cas.Append{Total: cas.UnknownLength,
					Offset: offset, Body: bytes.NewReader(content[offset : offset+int64(n)]), Length: int64(n),
				})
				offset += int64(n)
				if err != nil || state.Offset != offset || state.Complete {
					t.Fatalf("%v: %+v, %v at %d", pieces, state, err, offset)
				}
			}
			finish(t, r.Store, ref, name, content)
		}
	}
}

// What an append must not do changes nothing.
func TestAppendRefusals(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	content, d := rig.Content(2 * part)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	name := begin(t, r.Store, ref, int64(len(content)))
	piece := func(offset int64, n int64) error {
		_, err := r.Store.Append(t.Context(), ref, name, cas.Append{Total: cas.UnknownLength, Offset: offset, Body: bytes.NewReader(content[:n]), Length: n})
		return err
	}
	if err := piece(0, part-1); !errors.Is(err, cas.ErrAppend) {
		t.Errorf("too small: %v", err)
	}
	if err := piece(0, part); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{0, part - 1, part + 1} {
		wrong, ok := errors.AsType[*cas.OffsetError](piece(offset, part))
		if !ok || wrong.Want != part || wrong.Got != offset {
			t.Errorf("offset %d: %v", offset, wrong)
		}
	}
	foreign := cas.Ref{Org: r.Org(t), Digest: d}
	if _, err := r.Store.Append(t.Context(), foreign, name, cas.Append{Total: cas.UnknownLength, Offset: part, Last: true}); !errors.Is(err, cas.ErrNoUpload) {
		t.Errorf("another organization: %v", err)
	}
	if err := r.Store.CancelUpload(t.Context(), foreign, name); !errors.Is(err, cas.ErrNoUpload) {
		t.Errorf("another organization cancels: %v", err)
	}
	if err := r.Store.CancelUpload(t.Context(), ref, name); err != nil {
		t.Error(err)
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("after the cancellation: %q", left)
	}
}

// I3: content that is wrong at the end of a resumed upload is discarded with all that
// came before.
func TestI3_ResumedLies(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	content, d := rig.Content(2*part + 1000)
	lie := bytes.Clone(content[part:])
	lie[len(lie)-1] ^= 1
	for what, body := range map[string][]byte{"a lie": lie, "one byte short": content[part : len(content)-1], "one byte more": append(bytes.Clone(content[part:]), 0)} {
		for known, length := range lengths(len(content)) {
			ref := cas.Ref{Org: r.Org(t), Digest: d}
			name := begin(t, r.Store, ref, length)
			if _, err := r.Store.Append(t.Context(), ref, name, cas.Append{Total: cas.UnknownLength, Body: bytes.NewReader(content[:part]), Length: part}); err != nil {
				t.Fatal(err)
			}
			_, err := r.Store.Append(t.Context(), ref, name, cas.Append{Total: cas.UnknownLength, Offset: part, Body: bytes.NewReader(body), Last: true, Length: cas.UnknownLength})
			if !errors.Is(err, digest.ErrMismatch) && !errors.Is(err, digest.ErrLength) {
				t.Errorf("%s, %s length: %v", what, known, err)
			}
			if exists, err := r.Store.Exists(t.Context(), ref); exists || err != nil {
				t.Errorf("%s, %s length: exists %t, %v", what, known, exists, err)
			}
			if _, err := r.Store.FindUpload(t.Context(), ref, name); !errors.Is(err, cas.ErrNoUpload) {
				t.Errorf("%s, %s length: the upload: %v", what, known, err)
			}
		}
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// A writer that comes second goes on where the first one is, who learns of it, whether
// or not they are in the same process.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	content, d := rig.Content(2*part + 1000)
	for what, second := range map[string]*cas.Store{"same process": r.Store, "another process": r.Another(t)} {
		ref := cas.Ref{Org: r.Org(t), Digest: d}
		name := begin(t, r.Store, ref, int64(len(content)))
		waiting, goOn := make(chan struct{}), make(chan struct{})
		var first error
		var done sync.WaitGroup
		done.Go(func() {
			// Two parts: the committed one says that the writer has come so far.
			body := io.MultiReader(bytes.NewReader(content[:part]), &meeting{wait: func() { close(waiting); <-goOn }}, bytes.NewReader(content[part:]))
			_, first = r.Store.Append(t.Context(), ref, name, cas.Append{Total: cas.UnknownLength, Body: body, Last: true, Length: cas.UnknownLength})
		})
		<-waiting
		finish(t, second, ref, name, content)
		close(goOn)
		done.Wait()
		if !errors.Is(first, cas.ErrTaken) && !errors.Is(first, cas.ErrUploadLost) {
			t.Errorf("%s: the first writer: %v", what, first)
		}
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// Many writers at once: whatever each of them is told, the artifact is right or absent.
func TestWritersThatFight(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	other := r.Another(t)
	content, d := rig.Content(2*part + 1000)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	name := begin(t, r.Store, ref, int64(len(content)))
	var writers sync.WaitGroup
	for i := range 6 {
		writers.Go(func() {
			store := r.Store
			if i%2 == 1 {
				store = other
			}
			state, err := store.SettleUpload(t.Context(), ref, name)
			if err != nil || state.Complete {
				return
			}
			_, _ = store.Append(t.Context(), ref, name, cas.Append{Total: cas.UnknownLength,
				Offset: state.Offset, Body: bytes.NewReader(content[state.Offset:]), Last: true, Length: cas.UnknownLength,
			})
		})
	}
	writers.Wait()
	state, err := r.Store.BeginUpload(t.Context(), ref, name, int64(len(content)), cas.Label{FileName: "a b.txt"})
	if err != nil {
		t.Fatal(err)
	}
	if !state.Complete {
		finish(t, r.Store, ref, name, content)
	}
	if got := read(t, r.Store, ref); !bytes.Equal(got, content) {
		t.Error("other content came back")
	}
}

// As many uploads as are allowed may be open, and not one more; one that ends makes room.
func TestOpenUploadsAreBounded(t *testing.T) {
	t.Parallel()
	options := small()
	options.OpenUploads = 2
	r := rig.New(t, options)
	_, d := rig.Content(1)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	first := begin(t, r.Store, ref, 1)
	begin(t, r.Store, ref, 1)
	if _, err := r.Store.BeginUpload(t.Context(), ref, uuid.New(), 1, cas.Label{}); !errors.Is(err, cas.ErrUploads) {
		t.Errorf("one too many: %v", err)
	}
	if n := len(r.Uploads(t)); n != 2 {
		t.Errorf("S3 has %d uploads", n)
	}
	begin(t, r.Store, cas.Ref{Org: r.Org(t), Digest: d}, 1) // another organization's
	if err := r.Store.CancelUpload(t.Context(), ref, first); err != nil {
		t.Fatal(err)
	}
	begin(t, r.Store, ref, 1)
}

// Parts that are too large to be held are streamed, with the same guarantees.
func TestStreamedParts(t *testing.T) {
	t.Parallel()
	r := rig.New(t, small())
	r.Store.HoldAtMost(part - 1)
	content, d := rig.Content(3*part + 1000)
	length := int64(len(content))
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	lie := bytes.Clone(content)
	lie[len(lie)-1] ^= 1
	for what, body := range map[string]io.Reader{
		"a lie": bytes.NewReader(lie), "short": bytes.NewReader(content[:2*part]),
		"long": io.MultiReader(bytes.NewReader(content), bytes.NewReader([]byte{0})),
	} {
		if _, err := r.Store.Put(t.Context(), ref, length, body, cas.Label{}); !errors.Is(err, digest.ErrMismatch) && !errors.Is(err, digest.ErrLength) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := r.Store.Put(t.Context(), ref, length, bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, r.Store, ref); !bytes.Equal(got, content) {
		t.Error("other content came back")
	}

	ref.Org = r.Org(t)
	name := begin(t, r.Store, ref, length)
	r.Forget()
	_, err := r.Store.Append(t.Context(), ref, name, cas.Append{Total: cas.UnknownLength,
		Body: io.MultiReader(bytes.NewReader(content[:part+1]), iotest.ErrReader(errBroken)), Last: true, Length: cas.UnknownLength,
	})
	if !errors.Is(err, errBroken) {
		t.Errorf("cut: %v", err)
	}
	finish(t, r.Store, ref, name, content)
	if sent := partsSent(r); sent != 4 {
		t.Errorf("%d parts were sent", sent)
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
}

// An upload is resumable until it expires, and counts from its last sign of life.
func TestUploadsExpire(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var mu sync.Mutex
	options := small()
	options.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	pass := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	r := rig.New(t, options)
	content, d := rig.Content(part + 1)
	ref := cas.Ref{Org: r.Org(t), Digest: d}
	name := begin(t, r.Store, ref, int64(len(content)))
	for range 2 {
		pass(24*time.Hour - time.Millisecond)
		if err := r.Store.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Store.SettleUpload(t.Context(), ref, name); err != nil {
			t.Errorf("before it expires: %v", err)
		}
	}
	if stats := r.Store.UploadStats(); stats.Open != 1 || stats.Swept != 0 {
		t.Errorf("%+v", stats)
	}
	pass(24 * time.Hour)
	if err := r.Store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Store.FindUpload(t.Context(), ref, name); !errors.Is(err, cas.ErrNoUpload) {
		t.Errorf("after it has expired: %v", err)
	}
	if left := r.Uploads(t); len(left) > 0 {
		t.Errorf("unfinished uploads: %q", left)
	}
	if stats := r.Store.UploadStats(); stats.Open != 0 || stats.Swept != 1 || stats.Failures != 0 {
		t.Errorf("%+v", stats)
	}
}
