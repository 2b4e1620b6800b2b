package casgrpc

import (
	"context"
	"io"

	"google.golang.org/genproto/googleapis/bytestream"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
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
		d, err := digest.ParseHex(req.GetResourceName())
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
		return send(artifact, stream)
	}()
	if err != nil {
		return s.fail(ctx, "read", err)
	}
	return nil
}

// send fills each message before it goes out. gRPC has serialized a message when
// Send returns, so one buffer serves them all.
func send(artifact io.Reader, stream bytestream.ByteStream_ReadServer) error {
	chunk := make([]byte, chunkBytes)
	for {
		n, err := fillChunk(artifact, chunk)
		if n > 0 {
			if err := stream.Send(&bytestream.ReadResponse{Data: chunk[:n]}); err != nil {
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

// status answers without a token, for probes and `version`.
type status struct {
	casv1.UnimplementedStatusServiceServer
	version string
}

func (s status) Infoz(context.Context, *casv1.InfozRequest) (*casv1.InfozResponse, error) {
	return &casv1.InfozResponse{Version: s.version, Backends: []string{"AWS-S3-ACCESS-POINT"}}, nil
}

func (s status) Statusz(context.Context, *casv1.StatuszRequest) (*casv1.StatuszResponse, error) {
	return &casv1.StatuszResponse{}, nil
}
