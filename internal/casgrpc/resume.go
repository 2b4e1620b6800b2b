package casgrpc

import (
	"context"
	"errors"
	"io"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/bytestream"

	"github.com/managedcas/managedcas/internal/cas"
)

// Uploads are uploads that their client can resume. Their errors are those that
// cas.Problem explains.
type Uploads interface {
	Resumable(length int64) bool
	BeginUpload(ctx context.Context, ref cas.Ref, name uuid.UUID, length int64, label cas.Label) (cas.Upload, error)
	FindUpload(ctx context.Context, ref cas.Ref, name uuid.UUID) (cas.Upload, error)
	Append(ctx context.Context, ref cas.Ref, name uuid.UUID, a cas.Append) (cas.Upload, error)
}

// resumable: the names of the Remote Execution API tell one upload from another one of
// the same artifact; the stock client's do not, and it sends no offsets (facts WIRE §5.4).
func (s *Server) resumable(name written) bool {
	return name.upload != uuid.Nil && s.cfg.Uploads.Resumable(name.length)
}

// resume stores what comes from offset on.
func (s *Server) resume(ctx context.Context, ref cas.Ref, name written, label cas.Label, offset int64, body io.Reader) (committed int64, err error) {
	if offset == 0 {
		state, err := s.cfg.Uploads.BeginUpload(ctx, ref, name.upload, name.length, label)
		if err != nil {
			return 0, err
		}
		if state.Complete {
			return name.length, nil
		}
	}
	state, err := s.cfg.Uploads.Append(ctx, ref, name.upload, cas.Append{Offset: offset, Body: body, Last: true, Length: cas.UnknownLength, Total: name.length})
	return state.Offset, err
}

func (s *Server) find(ctx context.Context, ref cas.Ref, name written) (cas.Upload, error) {
	if s.resumable(name) {
		return s.cfg.Uploads.FindUpload(ctx, ref, name.upload)
	}
	info, err := s.cfg.Store.Stat(ctx, ref)
	if errors.Is(err, cas.ErrNotFound) {
		err = cas.ErrNoUpload
	}
	return cas.Upload{Length: info.Size, Offset: info.Size, Complete: true}, err
}

// QueryWriteStatus says how much of an upload need not be sent again. An artifact that is
// there is complete, whoever has stored it.
func (s *Server) QueryWriteStatus(ctx context.Context, req *bytestream.QueryWriteStatusRequest) (*bytestream.QueryWriteStatusResponse, error) {
	state, err := func() (cas.Upload, error) {
		grant, err := s.grant(ctx)
		if err != nil {
			return cas.Upload{}, err
		}
		name, err := uploadName(req.GetResourceName())
		if err != nil {
			return cas.Upload{}, err
		}
		ref, _, err := grant.Upload(name.digest, s.cfg.MaxBytes)
		if err != nil {
			return cas.Upload{}, err
		}
		state, err := s.find(ctx, ref, name)
		if err == nil && !fits(state, name.length) {
			return cas.Upload{}, cas.ErrNoUpload // hash and size are the name
		}
		return state, err
	}()
	if err != nil {
		return nil, s.fail(ctx, "query", err)
	}
	return &bytestream.QueryWriteStatusResponse{CommittedSize: state.Offset, Complete: state.Complete}, nil
}

// fits reports whether an upload may become an artifact of that length. One that was begun
// over HTTP need not have said its own.
func fits(state cas.Upload, length int64) bool {
	if length == cas.UnknownLength {
		return true
	}
	if state.Length == cas.UnknownLength {
		return state.Offset <= length
	}
	return state.Length == length
}
