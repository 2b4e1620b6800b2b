package casgrpc_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/bytestream"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/test/rig"
)

// The transfers of TestI6_SixteenTransfers, and what they may hold: the parts that all
// uploads share, and a message and a window each. The clients and the embedded AWS, which
// are in this process, are measured with them, and are most of it.
const (
	transfers     = 16
	transferBytes = 8 << 20
	mostBytes     = 96 << 20
)

// I6: sixteen transfers at once hold a few MiB each, however long they are.
func TestI6_SixteenTransfers(t *testing.T) { //nolint:paralleltest // it measures the process
	s := newSite(t, rig.Options{})
	client, block := bytestream.NewByteStreamClient(s.conn), bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	watch := &watch{base: inUse()}
	// Each artifact is its number, and the same block again and again.
	head := func(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }
	digests := make([]digest.Digest, transfers)
	for i := range digests {
		hash := sha256.New()
		hash.Write(head(i))
		for range transferBytes / len(block) {
			hash.Write(block)
		}
		digests[i], _ = digest.FromSum(hash.Sum(nil)) // 32 bytes
	}
	watch.each(t, "up", func(i int) error {
		stream, err := client.Write(s.Bearer(t, t.Context(), s.uploader()))
		if err != nil {
			return err
		}
		name := digests[i].Hex()
		if err := stream.Send(&bytestream.WriteRequest{ResourceName: name, Data: head(i)}); err != nil {
			return err
		}
		for range transferBytes / len(block) {
			if err := stream.Send(&bytestream.WriteRequest{ResourceName: name, Data: block}); err != nil {
				return err
			}
			watch.moved(len(block))
		}
		if err := stream.Send(&bytestream.WriteRequest{ResourceName: name, FinishWrite: true}); err != nil {
			return err
		}
		_, err = stream.CloseAndRecv()
		return err
	})
	watch.each(t, "down", func(i int) error {
		stream, err := client.Read(s.Bearer(t, t.Context(), s.downloader(digests[i])), &bytestream.ReadRequest{ResourceName: digests[i].Hex()})
		for err == nil {
			var m *bytestream.ReadResponse
			if m, err = stream.Recv(); err == nil {
				watch.moved(len(m.GetData()))
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	})
}

// watch follows the heap that is in use after a collection.
type watch struct {
	base uint64

	mu   sync.Mutex
	seen int
	top  uint64
}

// moved looks every 16 MiB.
func (w *watch) moved(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen += n; w.seen >= 16<<20 {
		w.seen = 0
		w.top = max(w.top, inUse())
	}
}

// each runs all transfers at once.
func (w *watch) each(t *testing.T, direction string, do func(i int) error) {
	t.Helper()
	w.top = w.base
	var group sync.WaitGroup
	for i := range transfers {
		group.Go(func() {
			if err := do(i); err != nil {
				t.Errorf("%s: %v", direction, err)
			}
		})
	}
	group.Wait()
	held := w.top - w.base
	t.Logf("%s: %d MiB", direction, held>>20)
	if held > mostBytes {
		t.Errorf("%d transfers of %d MiB %s hold %d MiB", transfers, transferBytes>>20, direction, held>>20)
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
