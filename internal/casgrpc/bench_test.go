package casgrpc_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/bytestream"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// BenchmarkDownload is a download over gRPC, with the embedded AWS and the client in the
// same process. What the CAS itself costs is in its CPU profile under casgrpc
// (go tool pprof -focus casgrpc.send) and grpc's loopyWriter.
func BenchmarkDownload(b *testing.B) {
	r := rig.New(b, rig.Options{Reuse: 15 * time.Minute})
	client, id := bytestream.NewByteStreamClient(r.GRPC(b)), r.Org(b)
	for _, size := range []int{4 << 10, 256 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			content, d := rig.Content(size)
			if _, err := r.Store.Put(b.Context(), cas.Ref{Org: id, Digest: d}, int64(size), bytes.NewReader(content), cas.Label{}); err != nil {
				b.Fatal(err)
			}
			ctx := r.Bearer(b, b.Context(), cas.Grant{Org: id, Role: cas.Downloader, Digest: d})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				stream, err := client.Read(ctx, &bytestream.ReadRequest{ResourceName: d.Hex()})
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for {
					m, err := stream.Recv()
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					n += len(m.GetData())
				}
				if n != size {
					b.Fatal(n)
				}
			}
		})
	}
}
