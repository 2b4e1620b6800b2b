// Package casgrpc serves artifacts over gRPC, as the stock client expects it (facts
// WIRE §5): google.bytestream.ByteStream Read and Write, cas.v1.ResourceService
// Describe, cas.v1.StatusService.
package casgrpc

import (
	"context"
	"io"
	"log/slog"
	"time"

	"google.golang.org/genproto/googleapis/bytestream"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/problem"
	casv1 "github.com/managedcas/managedcas/proto/cas/v1"
)

// Store keeps artifacts. Its errors are those that cas.Problem explains.
type Store interface {
	Offer(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (created bool, err error)
	GetRange(ctx context.Context, ref cas.Ref, want cas.Range) (*cas.Artifact, error)
	Stat(ctx context.Context, ref cas.Ref) (cas.Info, error)
}

// Tokens verifies CAS tokens.
type Tokens interface {
	// Grant returns what token allows, or a problem of kind Unauthenticated.
	Grant(ctx context.Context, token string) (cas.Grant, error)
}

// Config is what New needs.
type Config struct {
	Store    Store
	Uploads  Uploads
	Tokens   Tokens
	Direct   Direct // nil: there are no direct transfers
	MaxBytes int64  // of one artifact
	// Idle is how long a transfer may stand still before it is ended; 0: a minute.
	Idle    time.Duration
	Version string
	Log     *slog.Logger
}

const defaultIdle = time.Minute

// Server implements the services.
type Server struct {
	bytestream.UnimplementedByteStreamServer
	casv1.UnimplementedResourceServiceServer
	cfg Config
}

// New returns a server on cfg.
func New(cfg Config) *Server {
	if cfg.Idle == 0 {
		cfg.Idle = defaultIdle
	}
	return &Server{cfg: cfg}
}

// Describe returns size and name of an artifact.
func (s *Server) Describe(ctx context.Context, req *casv1.ResourceServiceDescribeRequest) (*casv1.ResourceServiceDescribeResponse, error) {
	info, err := func() (cas.Info, error) {
		grant, err := s.grant(ctx)
		if err != nil {
			return cas.Info{}, err
		}
		d, err := digest.ParseHex(req.GetDigest())
		if err != nil {
			return cas.Info{}, err
		}
		ref, err := grant.Describe(d)
		if err != nil {
			return cas.Info{}, err
		}
		return s.cfg.Store.Stat(ctx, ref)
	}()
	if err != nil {
		return nil, s.fail(ctx, "describe", err)
	}
	return &casv1.ResourceServiceDescribeResponse{Result: &casv1.CASResource{
		FileName: string(info.FileName),
		Digest:   info.Digest.Hex(),
		Size:     info.Size,
	}}, nil
}

// fail logs err for the operator and returns what the client may know of it.
func (s *Server) fail(ctx context.Context, operation string, err error) error {
	err = cas.Problem(err)
	severity := slog.LevelInfo
	switch kind := problem.KindOf(err); {
	case kind == problem.Internal, kind == problem.Corrupt, kind == problem.Unavailable:
		severity = slog.LevelError
	case kind == problem.NotFound && operation == "query", direct.Expected(err):
		severity = slog.LevelDebug // a question, and the answer is no
	}
	if ctx.Err() != nil {
		severity = slog.LevelInfo // it was the client that went away
	}
	s.cfg.Log.LogAttrs(ctx, severity, "artifact request failed", slog.String("operation", operation), slog.Any("error", err))
	return err
}
