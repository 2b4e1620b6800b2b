package controlplane

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/problem/grpcproblem"
)

// call collects what the line about a call will say.
type call struct{ caller auth.Caller }

type callKey struct{}

// noteCaller is told by the interceptor that knows the caller.
func noteCaller(ctx context.Context, caller auth.Caller) {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		c.caller = caller
	}
}

// logUnary writes one line per call, turns panics into Internal, and sends the public
// side of errors.
func (s *Server) logUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		s.outcome(ctx, info.FullMethod, start, err)
		err = grpcproblem.Error(err)
	}()
	ctx = context.WithValue(ctx, callKey{}, &call{})
	return next(ctx, req)
}

// logStream is logUnary for streams, which it does not tell the caller of: none of
// the services here has one.
func (s *Server) logStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		s.outcome(stream.Context(), info.FullMethod, start, err)
		err = grpcproblem.Error(err)
	}()
	return next(srv, stream)
}

// outcome logs a call. Requests and responses are not logged: some contain tokens.
func (s *Server) outcome(ctx context.Context, method string, start time.Time, err error) {
	attrs := []slog.Attr{slog.String("method", method), slog.Duration("took", time.Since(start))}
	level := slog.LevelInfo
	if c, ok := ctx.Value(callKey{}).(*call); ok && c.caller.Known() {
		attrs = append(attrs, slog.Any("caller", c.caller))
	}
	if err != nil {
		kind := problem.KindOf(err)
		attrs = append(attrs, slog.String("kind", kind.String()), slog.String("error", err.Error()))
		switch kind {
		case problem.Internal, problem.Corrupt, problem.Unavailable:
			level = slog.LevelError
		}
	}
	s.cfg.Log.LogAttrs(ctx, level, "call", attrs...)
}
