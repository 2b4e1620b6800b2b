package casgrpc

import (
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/genproto/googleapis/bytestream"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
)

// Read sends an artifact, or the part of it that read_offset and read_limit say. The
// stream of a whole one ends with OK only if its digest agreed, and its last byte is
// never sent otherwise (DESIGN I5); that of a part only if that is complete.
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
		want, err := wanted(req)
		if err != nil {
			return err
		}
		ref, err := grant.Download(d)
		if err != nil {
			return err
		}
		artifact, err := s.cfg.Store.GetRange(ctx, ref, want)
		if behind, ok := errors.AsType[*cas.RangeError](err); ok && behind.Size == want.Offset {
			return nil // everything from the end on, which is nothing
		}
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

// wanted reads the range of a request as ByteStream defines it
// (google/bytestream/bytestream.proto): a negative offset is as bad as one behind the
// end, and a limit of zero is none.
func wanted(req *bytestream.ReadRequest) (cas.Range, error) {
	want := cas.Range{Offset: req.GetReadOffset(), Length: req.GetReadLimit()}
	switch {
	case want.Offset < 0:
		return want, problem.New(problem.RangeUnsatisfiable, "a negative read_offset", "begin at 0 or behind it")
	case want.Length < 0:
		return want, problem.New(problem.Invalid, "a negative read_limit", "use 0 for no limit")
	}
	return want, nil
}

// send fills each message before it goes out.
func send(artifact io.Reader, client patient) error {
	for size := firstChunkBytes; ; size = chunkBytes {
		chunk, err := newChunk(size, func(b []byte) (int, error) { return fillChunk(artifact, b) })
		if len(chunk.Data) > 0 {
			if err := client.send(chunk); err != nil {
				return err
			}
		} else {
			chunk.buffer.Free()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fillChunk reads until chunk is as good as full or the artifact ends, with whatever it
// ends. Room for one byte stays: an artifact that is verified has read one more than it
// hands out, and a read for a single byte costs as much as any.
func fillChunk(artifact io.Reader, chunk []byte) (n int, err error) {
	for len(chunk)-n > 1 && err == nil {
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

// send gives up after idle. A SendMsg that it leaves behind ends with the handler.
func (p patient) send(m chunk) error {
	sent := make(chan error, 1)
	go func() { sent <- p.stream.SendMsg(m) }()
	idle := time.NewTimer(p.idle)
	defer idle.Stop()
	select {
	case err := <-sent:
		return err
	case <-idle.C:
		return problem.New(problem.Deadline, "the download stood still", fmt.Sprintf("receive something at least every %s", p.idle))
	}
}
