package cas_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// BenchmarkGet compares a download over one GetObject with the same over several ranged
// ones at a time, delivered in order and hashed. It is why Get uses one.
func BenchmarkGet(b *testing.B) {
	const size, segment = 256 << 20, 4 << 20
	r := rig.New(b, rig.Options{Reuse: 15 * time.Minute})
	content, d := rig.Content(size)
	ref := cas.Ref{Org: r.Org(b), Digest: d}
	if _, err := r.Store.Put(b.Context(), ref, size, bytes.NewReader(content), cas.Label{}); err != nil {
		b.Fatal(err)
	}
	b.Run("one", func(b *testing.B) {
		b.SetBytes(size)
		buffer := make([]byte, 64<<10)
		for b.Loop() {
			artifact, err := r.Store.Get(b.Context(), ref)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, artifact, buffer); err != nil {
				b.Fatal(err)
			}
			_ = artifact.Close()
		}
	})
	fetch := func(b *testing.B, offset int64, buffer []byte) error {
		part, err := r.Store.GetRange(b.Context(), ref, cas.Range{Offset: offset, Length: segment})
		if err != nil {
			return err
		}
		defer part.Close()
		_, err = io.ReadFull(part, buffer)
		return err
	}
	for _, streams := range []int{2, 4} {
		b.Run(fmt.Sprint(streams, " at a time"), func(b *testing.B) {
			b.SetBytes(size)
			lanes, buffers := make([]chan error, streams), make([][]byte, streams)
			for i := range lanes {
				lanes[i], buffers[i] = make(chan error, 1), make([]byte, segment)
			}
			start := func(n int64) { // segment n
				go func() { lanes[n%int64(streams)] <- fetch(b, n*segment, buffers[n%int64(streams)]) }()
			}
			for b.Loop() {
				hash := sha256.New()
				for n := range int64(streams) {
					start(n)
				}
				for n := range int64(size / segment) {
					if err := <-lanes[n%int64(streams)]; err != nil {
						b.Fatal(err)
					}
					hash.Write(buffers[n%int64(streams)])
					if next := n + int64(streams); next < size/segment {
						start(next)
					}
				}
				if fmt.Sprintf("%x", hash.Sum(nil)) != d.Hex() {
					b.Fatal("other bytes")
				}
			}
		})
	}
}
