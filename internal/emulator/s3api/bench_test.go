package s3api

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkPut stores small objects, each durable when it is acknowledged, from eight
// clients per processor.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		b.Run(strconv.Itoa(size>>10)+"KiB", func(b *testing.B) {
			w := newWorld(b)
			body := strings.Repeat("x", size)
			var n atomic.Int64
			b.SetBytes(int64(size))
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if got := w.put(w.root, "/shared/"+strconv.FormatInt(n.Add(1), 10), body); got.Status != 200 {
						b.Error(got.Status, got.Body)
					}
				}
			})
		})
	}
}

func BenchmarkGet(b *testing.B) {
	w := newWorld(b)
	w.put(w.root, "/shared/k", strings.Repeat("x", 1<<20))
	b.SetBytes(1 << 20)
	for b.Loop() {
		if got := w.get(w.root, "/shared/k"); got.Status != 200 {
			b.Fatal(got.Status)
		}
	}
}
