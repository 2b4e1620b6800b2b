package casgrpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/problem"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Direct hands out requests that clients send to S3 themselves.
type Direct interface {
	Upload(ctx context.Context, grant cas.Grant, u direct.Upload, ifRecommended bool) (p cas.Presigned, stored bool, err error)
	Download(ctx context.Context, grant cas.Grant, d digest.Digest, ifRecommended bool) (cas.Presigned, cas.Info, error)
	Confirm(ctx context.Context, grant cas.Grant, d digest.Digest) (size int64, created bool, err error)
}

type directService struct {
	managedcasv1.UnimplementedDirectTransferServiceServer
	server *Server
}

// Presign returns a request for S3.
func (s directService) Presign(ctx context.Context, req *managedcasv1.PresignRequest) (*managedcasv1.PresignResponse, error) {
	answer, err := s.presign(ctx, req)
	if err != nil {
		return nil, s.server.fail(ctx, "presign", err)
	}
	return answer, nil
}

func (s directService) presign(ctx context.Context, req *managedcasv1.PresignRequest) (*managedcasv1.PresignResponse, error) {
	grant, d, err := s.server.granted(ctx, req.GetDigest())
	if err != nil {
		return nil, err
	}
	switch req.GetOperation() {
	case managedcasv1.PresignRequest_OPERATION_UPLOAD:
		p, stored, err := s.server.cfg.Direct.Upload(ctx, grant,
			direct.Upload{Digest: d, Size: req.GetSize(), FileName: req.GetFileName(), MediaType: req.GetMediaType()}, req.GetIfRecommended())
		if err != nil {
			return nil, err
		}
		if stored {
			return &managedcasv1.PresignResponse{Stored: true, Size: req.GetSize()}, nil
		}
		return signed(p, req.GetSize(), ""), nil
	case managedcasv1.PresignRequest_OPERATION_DOWNLOAD:
		p, info, err := s.server.cfg.Direct.Download(ctx, grant, d, req.GetIfRecommended())
		if err != nil {
			return nil, err
		}
		return signed(p, info.Size, info.FileName), nil
	}
	return nil, problem.New(problem.Invalid, "the request has no operation", "ask for OPERATION_UPLOAD or OPERATION_DOWNLOAD")
}

func signed(p cas.Presigned, size int64, name cas.FileName) *managedcasv1.PresignResponse {
	return &managedcasv1.PresignResponse{
		Method: p.Method, Url: p.URL, Headers: p.Header, ExpiresAt: timestamppb.New(p.ExpiresAt),
		Size: size, FileName: string(name),
	}
}

// Confirm says that an upload is done.
func (s directService) Confirm(ctx context.Context, req *managedcasv1.ConfirmRequest) (*managedcasv1.ConfirmResponse, error) {
	grant, d, err := s.server.granted(ctx, req.GetDigest())
	if err != nil {
		return nil, s.server.fail(ctx, "confirm", err)
	}
	size, created, err := s.server.cfg.Direct.Confirm(ctx, grant, d)
	if err != nil {
		return nil, s.server.fail(ctx, "confirm", err)
	}
	return &managedcasv1.ConfirmResponse{Size: size, Created: created}, nil
}

// granted verifies the CAS token of a call about one artifact.
func (s *Server) granted(ctx context.Context, hex string) (cas.Grant, digest.Digest, error) {
	grant, err := s.grant(ctx)
	if err != nil {
		return cas.Grant{}, digest.Digest{}, err
	}
	d, err := digest.ParseHex(hex)
	return grant, d, err
}
