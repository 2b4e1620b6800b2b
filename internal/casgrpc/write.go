package casgrpc

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
)

// Write stores an artifact. The first message names it; the last one says so with
// finish_write, and a stream that ends without has stored nothing (facts WIRE W3). A
// large artifact that is there already is answered at once: clients stop sending when an
// answer comes (facts WIRE §5.5).
func (s *Server) Write(stream bytestream.ByteStream_WriteServer) error {
	ctx := stream.Context()
	committed, err := func() (int64, error) {
		grant, err := s.grant(ctx)
		if err != nil {
			return 0, err
		}
		body := newBody(stream, s.cfg.Idle)
		first, err := body.next()
		if err != nil {
			return 0, err
		}
		name, err := uploadName(first.GetResourceName())
		if err != nil {
			return 0, err
		}
		ref, limit, err := grant.Upload(name.digest, s.cfg.MaxBytes)
		if err != nil {
			return 0, err
		}
		if name.length > limit {
			return 0, cas.ErrTooLarge // from the declared size, before the first byte
		}
		if err := body.begin(first, s.resumable(name)); err != nil {
			return 0, err
		}
		label := cas.Label{FileName: name.file, MediaType: name.media, Uploader: grant.Subject}
		if s.resumable(name) {
			return s.resume(ctx, ref, name, label, first.GetWriteOffset(), cas.Limit(body, limit-max(first.GetWriteOffset(), 0)))
		}
		created, err := s.cfg.Store.Offer(ctx, ref, name.length, cas.Limit(body, limit), label)
		if err != nil {
			return 0, err
		}
		s.cfg.Log.LogAttrs(ctx, slog.LevelDebug, "artifact stored", slog.String("org", ref.Org.String()),
			slog.String("digest", ref.Digest.String()), slog.Int64("bytes", body.received), slog.Bool("created", created))
		if !created {
			stream.SetTrailer(metadata.Pairs("managedcas-existed", "true"))
		}
		if !body.finished {
			// The artifact was there. The Remote Execution API wants its size, which the stock
			// client, whose names do not have it, does not look at (facts WIRE §5.5).
			return max(name.length, 0), nil
		}
		return body.received, nil
	}()
	if err != nil {
		return s.fail(ctx, "write", err)
	}
	return stream.SendAndClose(&bytestream.WriteResponse{CommittedSize: committed})
}

// body is the content of a Write stream as an io.Reader. It ends with io.EOF only
// after a message with finish_write.
type body struct {
	wanted   chan struct{}
	messages chan message
	gone     <-chan struct{} // closed when the client is
	idle     time.Duration
	name     string
	data     io.Reader // received, not yet read
	left     int       // of it
	received int64
	finished bool
}

type message struct {
	req *received
	err error
}

// newBody receives from stream until the handler returns: that ends the stream's
// context, and with it Recv. A message is received when it is asked for: one that waits
// would be another MiB for each upload, and what the client sends meanwhile is in the
// stream's window.
func newBody(stream bytestream.ByteStream_WriteServer, idle time.Duration) *body {
	b := &body{wanted: make(chan struct{}), messages: make(chan message), gone: stream.Context().Done(), idle: idle}
	go func() {
		for {
			select {
			case <-b.wanted:
			case <-b.gone:
				return
			}
			req, err := receive(stream)
			select {
			case b.messages <- message{req, err}:
			case <-b.gone:
				return
			}
		}
	}()
	return b
}

// next waits for a message, but not longer than idle.
func (b *body) next() (*received, error) {
	idle := time.NewTimer(b.idle)
	defer idle.Stop()
	select {
	case b.wanted <- struct{}{}:
	case <-b.gone:
	}
	select {
	case m := <-b.messages:
		switch {
		case errors.Is(m.err, io.EOF):
			return nil, fmt.Errorf("%w: the stream ended without finish_write", cas.ErrIncomplete)
		case status.Code(m.err) == codes.ResourceExhausted:
			return nil, problem.Wrap(m.err, problem.Invalid, "a message of the upload is too large", "send messages of at most 4 MiB")
		case m.err != nil:
			return nil, errors.Join(cas.ErrIncomplete, m.err)
		}
		return m.req, nil
	case <-b.gone:
		return nil, fmt.Errorf("%w: the client went away", cas.ErrIncomplete)
	case <-idle.C:
		return nil, problem.New(problem.Deadline, "the upload stood still", fmt.Sprintf("send something at least every %s", b.idle))
	}
}

// begin takes the first message, whose resource name names the artifact. If the upload
// is resumable, its offset says where the stream goes on.
func (b *body) begin(first *received, resumable bool) error {
	b.name = first.GetResourceName()
	if resumable {
		b.received = max(first.GetWriteOffset(), 0)
	}
	return b.take(first)
}

// take checks one message against the ones before it.
func (b *body) take(req *received) error {
	if name := req.GetResourceName(); name != "" && name != b.name {
		return problem.New(problem.Invalid, "the resource name changed within a stream", "write one artifact per stream")
	}
	// The stock client leaves write_offset at 0 in every message (facts WIRE §5.4).
	if offset := req.GetWriteOffset(); offset != 0 && offset != b.received {
		return problem.New(problem.Invalid, fmt.Sprintf("write_offset %d, %d bytes were received", offset, b.received), "start the upload again from the beginning")
	}
	b.data, b.left, b.finished = req.data(), req.PayloadBytes(), req.GetFinishWrite()
	b.received += int64(b.left)
	return nil
}

func (b *body) Read(p []byte) (int, error) {
	for b.left == 0 {
		if b.finished {
			return 0, io.EOF
		}
		req, err := b.next()
		if err != nil {
			return 0, err
		}
		if err := b.take(req); err != nil {
			return 0, err
		}
	}
	n, err := b.data.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
