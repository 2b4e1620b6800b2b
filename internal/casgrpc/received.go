package casgrpc

import (
	"bytes"
	"io"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/mem"
)

// received is a WriteRequest whose data may still be in the buffers that the connection
// was read into. Any codec can fill it; that of ServerOptions copies nothing.
type received struct {
	*bytestream.WriteRequest
	content *mem.Reader // nil: the data are in WriteRequest
}

// receive takes the next message from stream.
func receive(stream bytestream.ByteStream_WriteServer) (*received, error) {
	m := &received{WriteRequest: new(bytestream.WriteRequest)}
	return m, stream.RecvMsg(m)
}

// PayloadBytes is how many bytes of the artifact the message has.
func (m *received) PayloadBytes() int {
	if m.content != nil {
		return m.content.Remaining()
	}
	return len(m.GetData())
}

// data returns the bytes of the artifact, to be read once.
func (m *received) data() io.Reader {
	if m.content != nil {
		return m.content
	}
	return bytes.NewReader(m.GetData())
}
