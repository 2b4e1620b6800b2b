package casgrpc

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// dataField is the number of the bytes in both ReadResponse and WriteRequest
// (google/bytestream/bytestream.proto).
const dataField = 10

// streamWindow is what a client may send ahead on one stream, beyond the message that is
// being received, which has a window of its own. By itself grpc-go lets it grow to 16 MiB
// for each stream. With messages of 1 MiB, as the stock client sends, a transfer has more
// than a MiB on its way at any time: 50 MiB/s at 20 ms.
const streamWindow = 256 << 10

// connWindow is what one connection may send ahead on all of its streams together.
// Grpc-go opens it again as bytes arrive, not as they are read: it bounds nothing.
const connWindow = 16 << 20

// wireBuffer is what is read from, and written to, a connection at once. Grpc-go's 32 KiB
// are two frames: a system call for each of them.
const wireBuffer = 128 << 10

// ServerOptions are for the grpc.Server that Register is called with. They have artifacts
// received and sent without a copy, in bounded memory; without them they are transferred
// all the same.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{encoding.GetCodecV2(proto.Name)}),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connWindow),
		grpc.ReadBufferSize(wireBuffer),
		grpc.WriteBufferSize(wireBuffer),
	}
}

// codec is grpc's codec for all messages but chunk and received.
type codec struct{ encoding.CodecV2 }

// Marshal implements encoding.CodecV2. A ReadResponse is one field: its tag, the length
// of the data, and the data.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(chunk)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	head := protowire.AppendTag(nil, dataField, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(m.buffer.Len()))
	return mem.BufferSlice{mem.SliceBuffer(head), m.buffer}, nil
}

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(message mem.BufferSlice, v any) error {
	m, ok := v.(*received)
	if !ok {
		return c.CodecV2.Unmarshal(message, v)
	}
	fields, data := split(message)
	if data == 0 {
		return c.CodecV2.Unmarshal(message, m)
	}
	if err := c.CodecV2.Unmarshal(mem.BufferSlice{mem.SliceBuffer(fields)}, m); err != nil {
		return err
	}
	m.content = message.Reader()
	_, err := m.content.Discard(data)
	return err
}

// split returns the fields of a WriteRequest that come before its data, and where those
// begin; 0 if they are not the last thing in the message, as the encoders of protobuf have
// them, or the fields are not in its first buffer.
func split(message mem.BufferSlice) (fields []byte, data int) {
	if len(message) == 0 {
		return nil, 0
	}
	first := message[0].ReadOnlyData()
	for at := 0; at < len(first); {
		number, kind, tag := protowire.ConsumeTag(first[at:])
		if tag < 0 {
			return nil, 0
		}
		if number == dataField && kind == protowire.BytesType {
			length, n := protowire.ConsumeVarint(first[at+tag:])
			if begin := at + tag + n; n > 0 && length == uint64(message.Len()-begin) {
				return first[:at], begin
			}
			return nil, 0
		}
		n := protowire.ConsumeFieldValue(number, kind, first[at+tag:])
		if n < 0 {
			return nil, 0
		}
		at += tag + n
	}
	return nil, 0
}
