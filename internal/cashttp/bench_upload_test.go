package cashttp_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/test/rig"
)

// BenchmarkUpload is a small upload over HTTP with its entry in the catalogue, as
// BenchmarkDownload is a download.
func BenchmarkUpload(b *testing.B) {
	r := rig.New(b, rig.Options{Reuse: 15 * time.Minute, Catalogue: true})
	server, id := r.HTTP(b), r.Org(b)
	token := r.Token(b, cas.Grant{Org: id, Role: cas.Uploader})
	content, _ := rig.Content(4 << 10)
	n := uint64(0)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		n++
		binary.LittleEndian.PutUint64(content, n)
		request, err := http.NewRequestWithContext(b.Context(), http.MethodPut, server.URL+"/v1/artifacts/"+digest.Of(content).String(), bytes.NewReader(content))
		if err != nil {
			b.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := server.Client().Do(request)
		if err != nil {
			b.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusCreated {
			b.Fatal(response.Status)
		}
	}
}
