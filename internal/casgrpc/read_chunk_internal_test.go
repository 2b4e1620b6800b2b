package casgrpc

import (
	"bytes"
	"testing"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/protobuf/proto"
)

// What the codec makes of a chunk is what protobuf makes of the same ReadResponse, and
// grpc's own codec can send one, too.
func TestChunksAreReadResponses(t *testing.T) {
	t.Parallel()
	plain := encoding.GetCodecV2(grpcproto.Name)
	for _, size := range []int{1, 127, 128, 16_383, 16_384, chunkBytes} {
		content := bytes.Repeat([]byte{7}, size)
		want, err := proto.Marshal(&bytestream.ReadResponse{Data: content})
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]encoding.CodecV2{"ours": codec{plain}, "grpc's": plain} {
			m, err := newChunk(chunkBytes, func(b []byte) (int, error) { return copy(b, content), nil })
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Marshal(m)
			if err != nil || !bytes.Equal(got.Materialize(), want) {
				t.Errorf("%s, %d bytes: %d bytes, %v", name, size, got.Len(), err)
			}
			got.Free()
		}
	}
}
