package cas_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/test/rig"
)

// I6: what 128 MiB cost in memory, in one request and in parts, in and out, is not more
// than a few parts.
func TestI6_MemoryIsAFewParts(t *testing.T) { //nolint:paralleltest // it measures the process
	const size, most = 128 << 20, 6 * part // six: the embedded AWS is in this process, too
	r := rig.New(t, rig.Options{PartSize: part, SinglePutMax: 1 << 30})
	id := r.Org(t)
	for name, length := range lengths(size) {
		hash := sha256.New()
		if _, err := io.Copy(hash, newPattern(byte(len(name)), size, func() {})); err != nil {
			t.Fatal(err)
		}
		d, err := digest.FromSum(hash.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		ref := cas.Ref{Org: id, Digest: d}
		watch := newWatch()
		if _, err := r.Store.Put(t.Context(), ref, length, newPattern(byte(len(name)), size, watch.look), cas.Label{}); err != nil {
			t.Fatal(err)
		}
		if peak := watch.peak(); peak > most {
			t.Errorf("%s length: storing took %d MiB", name, peak>>20)
		}
		if length != cas.UnknownLength {
			continue // reading is the same
		}
		watch = newWatch()
		artifact, err := r.Store.Get(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(&sink{each: watch.look}, artifact)
		if err := errors.Join(err, artifact.Close()); err != nil || n != size {
			t.Fatalf("%d bytes, %v", n, err)
		}
		if peak := watch.peak(); peak > most {
			t.Errorf("%s length: reading took %d MiB", name, peak>>20)
		}
	}
}

// I6: an upload that has hardly begun holds hardly anything.
func TestI6_HalfOpenUploadsAreCheap(t *testing.T) { //nolint:paralleltest // it measures the process
	const uploads, each = 50, 64 << 10
	r := rig.New(t, small())
	ref := cas.Ref{Org: r.Org(t), Digest: digest.Of([]byte("content"))}
	if _, err := r.Store.Exists(t.Context(), ref); err != nil { // what only the first request needs
		t.Fatal(err)
	}
	for name, length := range lengths(len("content")) {
		watch := newWatch()
		arrived, release := make(chan struct{}), make(chan struct{})
		var ended sync.WaitGroup
		for range uploads {
			first := true
			body := readerFunc(func(p []byte) (int, error) {
				if first {
					first = false
					return copy(p, "co"), nil
				}
				arrived <- struct{}{}
				<-release
				return 0, cas.ErrIncomplete
			})
			ended.Go(func() {
				if _, err := r.Store.Put(t.Context(), ref, length, body, cas.Label{}); !errors.Is(err, cas.ErrIncomplete) {
					t.Error(err)
				}
			})
		}
		for range uploads {
			<-arrived
		}
		watch.look()
		close(release)
		ended.Wait()
		if peak := watch.peak(); peak > uploads*each {
			t.Errorf("%s length: %d uploads of two bytes hold %d KiB each", name, uploads, peak/uploads>>10)
		}
	}
}

// watch follows the heap that is in use after a collection.
type watch struct{ base, top uint64 }

func newWatch() *watch {
	return &watch{base: inUse()}
}

func (w *watch) look()        { w.top = max(w.top, inUse()) }
func (w *watch) peak() uint64 { return max(w.top, w.base) - w.base }

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// pattern is a long stream of one byte. It calls each now and then.
type pattern struct {
	block []byte
	left  int
	each  func()
	seen  int
}

func newPattern(b byte, size int, each func()) *pattern {
	return &pattern{block: bytes.Repeat([]byte{b}, 64<<10), left: size, each: each}
}

func (p *pattern) Read(buffer []byte) (int, error) {
	n := copy(buffer[:min(len(buffer), p.left)], p.block)
	if n == 0 {
		return 0, io.EOF
	}
	p.left -= n
	if p.seen += n; p.seen >= 8<<20 {
		p.seen = 0
		p.each()
	}
	return n, nil
}

// sink takes everything, and calls each now and then.
type sink struct {
	each func()
	seen int
}

func (s *sink) Write(p []byte) (int, error) {
	if s.seen += len(p); s.seen >= 8<<20 {
		s.seen = 0
		s.each()
	}
	return len(p), nil
}
