package casgrpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// I5, W7, W9: a damaged artifact never ends with OK, and never comes whole.
func TestI5_DamagedReads(t *testing.T) {
	t.Parallel()
	var wire rig.Damage
	s := newSite(t, rig.Options{Wire: wire.Between})
	for _, size := range []int{1, 1000, 256 << 10, 256<<10 + 1, 1 << 20} {
		content, _ := rig.Content(size)
		d := s.put(t, content)
		for _, damage := range []struct {
			what string
			how  func([]byte) (io.Reader, int)
			want codes.Code
		}{
			{"flipped", rig.Flip(size*8 - 1), codes.DataLoss},
			{"shortened", rig.Shorten, codes.DataLoss},
			{"cut", rig.Cut, codes.Unavailable},
		} {
			wire.Do(damage.how)
			got, err := s.read(t, s.downloader(d), &bytestream.ReadRequest{ResourceName: d.Hex()})
			wire.Do(nil)
			code(t, damage.what, err, damage.want)
			if len(got) >= size {
				t.Errorf("%s: %d bytes of %d came", damage.what, len(got), size)
			}
		}
	}
}

// W16, W17: a client that goes away in the middle leaves neither an object, nor parts,
// nor anything of it in the server.
func TestW16_ClientsThatGoAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	content, d := rig.Content(3 * part)
	ctx, leave := context.WithCancel(t.Context())
	stream, err := bytestream.NewByteStreamClient(s.conn).Write(s.Bearer(t, ctx, s.uploader()))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages(d.Hex(), content[:2*part]) {
		m.FinishWrite = false
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	rig.Eventually(t, "the upload began", func() bool { return len(s.Uploads(t)) == 1 })
	leave()
	rig.Eventually(t, "the upload was aborted", func() bool { return len(s.Uploads(t)) == 0 })
	s.absent(t, "afterwards", d)
}

// W19: a stream that stands still is ended, in either direction.
func TestStreamsThatStandStill(t *testing.T) {
	t.Parallel()
	var log buffer
	s := newSite(t, rig.Options{Idle: 300 * time.Millisecond, Log: &log})
	content, d := rig.Content(16 << 20) // more than the windows of the stream
	for what, first := range map[string]*bytestream.WriteRequest{"before the first message": nil, "in the middle": {ResourceName: d.Hex(), Data: content[:10]}} {
		stream, err := bytestream.NewByteStreamClient(s.conn).Write(s.Bearer(t, t.Context(), s.uploader()))
		if err != nil {
			t.Fatal(err)
		}
		if first != nil {
			if err := stream.Send(first); err != nil && !errors.Is(err, io.EOF) { // which is over, and the answer says why
				t.Fatal(err)
			}
		}
		code(t, what, stream.RecvMsg(new(bytestream.WriteResponse)), codes.DeadlineExceeded)
	}
	if _, err := s.Store.Put(t.Context(), cas.Ref{Org: s.org, Digest: d}, int64(len(content)), bytes.NewReader(content), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	reading, err := bytestream.NewByteStreamClient(s.conn).Read(s.Bearer(t, t.Context(), s.downloader(d)), &bytestream.ReadRequest{ResourceName: d.Hex()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = reading.Recv()
	rig.Eventually(t, "the server gave up", func() bool { return strings.Contains(log.String(), "the download stood still") })
	for err == nil {
		_, err = reading.Recv()
	}
	code(t, "receiving", err, codes.DeadlineExceeded)
}

// buffer may be written by the server while the test reads.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// serving reports whether any goroutine is in function.
func serving(function string) bool {
	var stacks bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1) // a buffer takes everything
	return strings.Contains(stacks.String(), function)
}

// Uploads that ended, well or not, leave no goroutine that receives.
func TestNoReceiverIsLeft(t *testing.T) { //nolint:paralleltest // it looks at the process
	s := newSite(t, rig.Options{})
	content, d := rig.Content(1000)
	for range 20 {
		_, _ = s.write(t, s.uploader(), messages(d.Hex(), content[1:])...)
		_, _ = s.write(t, s.uploader(), &bytestream.WriteRequest{ResourceName: "x"})
		_, _ = s.write(t, s.uploader(), messages(d.Hex(), content)...)
	}
	rig.Eventually(t, "the receivers are gone", func() bool { return !serving("casgrpc.newBody") })
}
