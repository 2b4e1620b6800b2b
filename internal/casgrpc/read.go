package casgrpc

import (
	"fmt"
	"io"
	"time"

	"google.golang.org/genproto/googleapis/bytestream"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
)

// chunkBytes is the size of a Read message: large enough that the cost of a message
// vanishes, far below what any client receives (facts WIRE §1.7).
const chunkBytes = 256 << 10

// Read sends an artifact. The stream ends with OK only if its digest agreed, and its
// last byte is never sent otherwise (DESIGN I5).
func (s *Server) Read(req *bytestream.ReadRequest, stream bytestream.ByteStream_ReadServer) error {
	ctx := stream.Context()
	err := func() error {
		grant, err := s.grant(ctx)
		if err != nil {
			return err
		}
		d, size, err := downloadName(req.GetResourceName())
		if err != nil {
			return err
		}
		if req.GetReadOffset() != 0 || req.GetReadLimit() != 0 {
			return problem.New(problem.Unimplemented, "read_offset and read_limit are not offered", "read the whole artifact")
		}
		ref, err := grant.Download(d)
		if err != nil {
			return err
		}
		artifact, err := s.cfg.Store.Get(ctx, ref)
		if err != nil {
			return err
		}
		defer artifact.Close()
		if size != cas.UnknownLength && size != artifact.Info.Size {
			return cas.ErrNotFound // hash and size are the name
		}
		return send(artifact, patient{stream, s.cfg.Idle})
	}()
	if err != nil {
		return s.fail(ctx, "read", err)
	}
	return nil
}

// send fills each message before it goes out. gRPC has serialized a message when
// Send returns, so one buffer serves them all.
func send(artifact io.Reader, client patient) error {
	chunk := make([]byte, chunkBytes)
	for {
		n, err := fillChunk(artifact, chunk)
		if n > 0 {
			if err := client.send(&bytestream.ReadResponse{Data: chunk[:n]}); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fillChunk reads until chunk is full or the artifact ends, with whatever it ends.
func fillChunk(artifact io.Reader, chunk []byte) (n int, err error) {
	for n < len(chunk) && err == nil {
		var m int
		m, err = artifact.Read(chunk[n:])
		n += m
	}
	return n, err
}

// patient is a client that may take nothing for a while. Longer, it would hold a
// connection to S3 for ever: gRPC itself waits as long as the client's connection lives.
type patient struct {
	stream bytestream.ByteStream_ReadServer
	idle   time.Duration
}

// send gives up after idle. A Send that it leaves behind ends with the handler.
func (p patient) send(m *bytestream.ReadResponse) error {
	sent := make(chan error, 1)
	go func() { sent <- p.stream.Send(m) }()
	idle := time.NewTimer(p.idle)
	defer idle.Stop()
	select {
	case err := <-sent:
		return err
	case <-idle.C:
		return problem.New(problem.Deadline, "the download stood still", fmt.Sprintf("receive something at least every %s", p.idle))
	}
}
