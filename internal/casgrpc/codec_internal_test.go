package casgrpc

import (
	"bytes"
	"io"
	"testing"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Whatever a client makes of a WriteRequest, and however it arrives, is read as protobuf
// reads it; the usual ones without a copy.
func TestReceivedAreWriteRequests(t *testing.T) {
	t.Parallel()
	message := func(size int) []byte {
		out, err := proto.Marshal(&bytestream.WriteRequest{ResourceName: "name", WriteOffset: 7, FinishWrite: true, Data: bytes.Repeat([]byte("abc"), size/3)})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	data := protowire.AppendBytes(protowire.AppendTag(nil, dataField, protowire.BytesType), []byte("first"))
	name := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "name")
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	for what, row := range map[string]struct {
		message []byte
		copied  bool
		bad     bool
	}{
		"as usual":           {message: message(100_000)},
		"with one byte":      {message: append(bytes.Clone(name), data...)},
		"an unknown field":   {message: append(bytes.Clone(unknown), data...)},
		"nothing":            {message: nil, copied: true},
		"no data":            {message: name, copied: true},
		"the data first":     {message: append(bytes.Clone(data), name...), copied: true},
		"data twice":         {message: append(bytes.Clone(data), data...), copied: true},
		"data that end late": {message: data[:len(data)-1], bad: true},
		"data of a number":   {message: protowire.AppendVarint(protowire.AppendTag(nil, dataField, protowire.VarintType), 3), copied: true},
		"half a tag":         {message: []byte{0x80}, bad: true},
		"name that is none":  {message: append(protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "\xff"), data...), bad: true},
	} {
		for _, size := range []int{1, 7, 16_384, 1 << 20} {
			var slice mem.BufferSlice
			for rest := row.message; len(rest) > 0; {
				n := min(size, len(rest))
				slice, rest = append(slice, mem.SliceBuffer(rest[:n])), rest[n:]
			}
			want := new(bytestream.WriteRequest)
			wantErr := proto.Unmarshal(row.message, want)
			got := &received{WriteRequest: new(bytestream.WriteRequest)}
			err := codec{encoding.GetCodecV2(grpcproto.Name)}.Unmarshal(slice, got)
			if (err != nil) != (wantErr != nil) || (err != nil) != row.bad {
				t.Errorf("%s, buffers of %d: %v, protobuf says %v", what, size, err, wantErr)
				continue
			}
			if err != nil {
				continue
			}
			if size > 1000 && (got.content == nil) != row.copied {
				t.Errorf("%s, buffers of %d: copied is %t", what, size, got.content == nil)
			}
			n := got.PayloadBytes()
			content, err := io.ReadAll(got.data())
			if err != nil || n != len(want.GetData()) || !bytes.Equal(content, want.GetData()) {
				t.Errorf("%s, buffers of %d: %d of %d bytes, %v", what, size, n, len(want.GetData()), err)
			}
			if got.GetResourceName() != want.GetResourceName() || got.GetWriteOffset() != want.GetWriteOffset() || got.GetFinishWrite() != want.GetFinishWrite() {
				t.Errorf("%s, buffers of %d: %v, want %v", what, size, got.WriteRequest, want)
			}
		}
	}
}
