package cashttp_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// BenchmarkDownload is a download over HTTP, with the embedded AWS and the client in the
// same process. What the CAS itself costs is under cashttp in its CPU profile
// (go tool pprof -focus cashttp), to be compared with the sha256 under it.
func BenchmarkDownload(b *testing.B) {
	r := rig.New(b, rig.Options{Reuse: 15 * time.Minute})
	server, id := r.HTTP(b), r.Org(b)
	for _, size := range []int{4 << 10, 256 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			content, d := rig.Content(size)
			if _, err := r.Store.Put(b.Context(), cas.Ref{Org: id, Digest: d}, int64(size), bytes.NewReader(content), cas.Label{}); err != nil {
				b.Fatal(err)
			}
			request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/v1/artifacts/"+d.String(), http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+r.Token(b, cas.Grant{Org: id, Role: cas.Downloader, Digest: d}))
			buffer := make([]byte, 256<<10)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				response, err := server.Client().Do(request)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, response.Body, buffer)
				_ = response.Body.Close()
				if err != nil || n != int64(size) {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkSHA256 is the one pass that a download has to cost.
func BenchmarkSHA256(b *testing.B) {
	block := make([]byte, 64<<10)
	hash := sha256.New()
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		hash.Write(block)
	}
}
