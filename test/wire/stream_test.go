package wire

import (
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
)

// exchange sends messages on a stream, half-closes it, and returns what came.
func (c caller) exchange(t *testing.T, method string, requests [][]byte, halfClose bool) (answers []message, err error) {
	t.Helper()
	stream, err := c.conn.NewStream(c.context(t), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/"+method)
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		if err := stream.SendMsg(&r); err != nil {
			if errors.Is(err, io.EOF) {
				break // the server has answered; the client reads why
			}
			return nil, err
		}
	}
	if halfClose {
		if err := stream.CloseSend(); err != nil {
			return nil, err
		}
	}
	for {
		var b []byte
		if err := stream.RecvMsg(&b); err != nil {
			if errors.Is(err, io.EOF) {
				return answers, nil
			}
			return answers, err
		}
		answers = append(answers, parse(t, b))
	}
}
