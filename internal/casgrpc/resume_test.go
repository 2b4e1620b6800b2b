package casgrpc_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/test/rig"
)

func reapiName(id uuid.UUID, d digest.Digest, size int) string {
	return fmt.Sprintf("uploads/%s/blobs/%s/%d", id, d.Hex(), size)
}

func (s *site) query(t *testing.T, grant cas.Grant, name string) (*bytestream.QueryWriteStatusResponse, error) {
	t.Helper()
	return bytestream.NewByteStreamClient(s.conn).QueryWriteStatus(s.Bearer(t, t.Context(), grant), &bytestream.QueryWriteStatusRequest{ResourceName: name})
}

// piece is content from offset on, as a client sends it that says its offsets.
func piece(name string, content []byte, offset, end int, finish bool) []*bytestream.WriteRequest {
	var all []*bytestream.WriteRequest
	for offset < end {
		n := min(end-offset, 1<<20)
		all = append(all, &bytestream.WriteRequest{ResourceName: name, WriteOffset: int64(offset), Data: content[offset : offset+n]})
		offset += n
	}
	if finish {
		all = append(all, &bytestream.WriteRequest{ResourceName: name, WriteOffset: int64(offset), FinishWrite: true})
	}
	return all
}

// A write goes on where QueryWriteStatus says that it ended, and only there.
func TestWritesResume(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{ResumableMin: part})
	const size = 2*part + 1000
	content, d := rig.Content(size)
	id := uuid.New()
	name := reapiName(id, d, size)
	_, err := s.query(t, s.uploader(), name)
	code(t, "before it began", err, codes.NotFound)
	_, err = s.write(t, s.uploader(), piece(name, content, part, size, true)...)
	code(t, "before it began, from the middle", err, codes.NotFound)

	// The stream ends without finish_write: all that came is there, but not the artifact.
	_, err = s.write(t, s.uploader(), piece(name, content, 0, part+1000, false)...)
	code(t, "cut", err, codes.InvalidArgument)
	state, err := s.query(t, s.uploader(), name)
	if err != nil || state.GetCommittedSize() != part || state.GetComplete() {
		t.Fatalf("after the cut: %v, %v", state, err)
	}
	s.absent(t, "after the cut", d)
	for _, offset := range []int{0, part - 1, part + 1} {
		_, err := s.write(t, s.uploader(), piece(name, content, offset, size, true)...)
		code(t, fmt.Sprintf("offset %d", offset), err, codes.Aborted)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(part)) {
			t.Errorf("offset %d: %v does not name the right one", offset, err)
		}
	}
	for what, other := range map[string]string{
		"another upload": reapiName(uuid.New(), d, size), "another size": reapiName(id, d, size+1),
	} {
		_, err := s.query(t, s.uploader(), other)
		code(t, what, err, codes.NotFound)
	}
	stranger := s.uploader()
	stranger.Org = s.Org(t)
	_, err = s.query(t, stranger, name)
	code(t, "another organization", err, codes.NotFound)
	_, err = s.write(t, stranger, piece(name, content, part, size, true)...)
	code(t, "another organization writes", err, codes.NotFound)
	_, err = s.query(t, s.downloader(d), name)
	code(t, "a downloader", err, codes.PermissionDenied)

	n, err := s.write(t, s.uploader(), piece(name, content, part, size, true)...)
	if err != nil || n != size {
		t.Fatalf("the rest: %d, %v", n, err)
	}
	for range 2 {
		state, err := s.query(t, s.uploader(), name)
		if err != nil || state.GetCommittedSize() != size || !state.GetComplete() {
			t.Errorf("complete: %v, %v", state, err)
		}
		// A client that missed the answer finishes once more; one that begins is told at once.
		for _, offset := range []int{0, size} {
			if n, err := s.write(t, s.uploader(), piece(name, content, offset, size, true)...); err != nil || n != size {
				t.Errorf("again from %d: %d, %v", offset, n, err)
			}
		}
	}
	got, err := s.read(t, s.downloader(d), &bytestream.ReadRequest{ResourceName: d.Hex()})
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}

// An upload is complete only with finish_write, however many bytes have come.
func TestW3_AllBytesAreNotTheEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{ResumableMin: part})
	content, d := rig.Content(part + 1000)
	name := reapiName(uuid.New(), d, len(content))
	_, err := s.write(t, s.uploader(), piece(name, content, 0, len(content), false)...)
	code(t, "without finish_write", err, codes.InvalidArgument)
	s.absent(t, "without finish_write", d)
	if n, err := s.write(t, s.uploader(), piece(name, content, len(content), len(content), true)...); err != nil || n != int64(len(content)) {
		t.Errorf("finish_write alone: %d, %v", n, err)
	}
}

// The name may have a file name behind it; what is smaller is not resumable and is not
// recorded; the stock client's names stay as they are.
func TestNamesOfUploads(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{ResumableMin: part})
	for _, size := range []int{1000, part - 1, part} {
		for metadata, want := range map[string]string{"": "", "/a%20b.txt": "a b.txt", "/a/b.txt": "", "/%zz": "", "/": ""} {
			content, d := rig.Content(size)
			name := reapiName(uuid.New(), d, size) + metadata
			s.Forget()
			if n, err := s.write(t, s.uploader(), piece(name, content, 0, size, true)...); err != nil || n != int64(size) {
				t.Fatalf("%s: %d, %v", name, n, err)
			}
			if began := s.Calls()["CreateMultipartUpload"] > 0; began != (size >= part) {
				t.Errorf("%d bytes: in parts: %t", size, began)
			}
			if r, err := s.describe(t, s.downloader(d), d.Hex()); err != nil || r.GetFileName() != want {
				t.Errorf("%s: %v, %v", name, r, err)
			}
			if state, err := s.query(t, s.uploader(), name); err != nil || !state.GetComplete() || state.GetCommittedSize() != int64(size) {
				t.Errorf("%s: %v, %v", name, state, err)
			}
		}
	}
	content, d := rig.Content(2*part + 1)
	stock := stockName(t, "a", d.Hex())
	ctx, cut := context.WithCancel(s.Bearer(t, t.Context(), s.uploader()))
	stream, err := bytestream.NewByteStreamClient(s.conn).Write(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages(stock, content[:part+1])[:6] {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	cut()
	_ = stream.RecvMsg(new(bytestream.WriteResponse))
	_, err = s.query(t, s.uploader(), stock)
	code(t, "the stock client's upload", err, codes.NotFound)
}

// An upload that was begun over HTTP without its length goes on here where it is; one that
// is longer than its name says already is another one.
func TestUploadBegunElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{ResumableMin: part})
	const size = 2*part + 1000
	content, d := rig.Content(size)
	ref, id := cas.Ref{Org: s.org, Digest: d}, uuid.New()
	if _, err := s.Store.BeginUpload(t.Context(), ref, id, cas.UnknownLength, cas.Label{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Store.Append(t.Context(), ref, id, cas.Append{Body: bytes.NewReader(content[:2*part]), Length: 2 * part, Total: cas.UnknownLength}); err != nil {
		t.Fatal(err)
	}
	short := reapiName(id, d, 2*part-1)
	_, err := s.query(t, s.uploader(), short)
	code(t, "a shorter artifact", err, codes.NotFound)
	_, err = s.write(t, s.uploader(), piece(short, content, 2*part, size, true)...)
	code(t, "a shorter artifact is written", err, codes.InvalidArgument)
	name := reapiName(id, d, size)
	state, err := s.query(t, s.uploader(), name)
	if err != nil || state.GetCommittedSize() != 2*part || state.GetComplete() {
		t.Fatalf("%v, %v", state, err)
	}
	if n, err := s.write(t, s.uploader(), piece(name, content, 2*part, size, true)...); err != nil || n != size {
		t.Errorf("the rest: %d, %v", n, err)
	}
}
