package casgate

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
)

// public are the methods that need no token. Their requests say nothing that matters,
// and are not read: a message that is not asked for stays in the client's hands, but for
// the 64 KiB of a stream's window.
var public = map[string]bool{
	"/cas.v1.StatusService/Infoz": true, "/cas.v1.StatusService/Statusz": true, "/grpc.health.v1.Health/Check": true,
}

var kinds = map[string]string{
	"/google.bytestream.ByteStream/Write": "upload",
	"/google.bytestream.ByteStream/Read":  "download",
}

func kindOf(method string) string {
	if kind, ok := kinds[method]; ok {
		return kind
	}
	return "describe"
}

// ServerOptions returns the interceptor. The server behind it must register its methods
// as streams (casgrpc does): a unary one has its message before any interceptor runs.
func (g *Gate) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainStreamInterceptor(g.stream)}
}

func (g *Gate) stream(srv any, inner grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	if public[info.FullMethod] {
		return next(srv, unread{inner})
	}
	origin := fromGRPC(inner.Context())
	// What cannot be sent with the answer is in the record all the same.
	_ = inner.SetHeader(metadata.Pairs(requestIDKey, origin.RequestID))
	ctx, v, end := g.begin(inner.Context(), "grpc", kindOf(info.FullMethod), origin)
	outcome := "panic"
	defer func() { end(outcome) }()
	if _, err = g.Grant(ctx, bearer(ctx)); err == nil {
		err = next(srv, &pacedStream{inner, ctx, v})
	}
	if ended := cut(ctx); err != nil && ended != nil {
		err = ended // and not what the handler made of it
	}
	outcome = "ok"
	if err != nil {
		outcome = problem.KindOf(err).String()
		v.noted.failed(err)
	}
	return err
}

// bearer is the one token of a call.
func bearer(ctx context.Context) string {
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) == 1 {
		return auth.Bearer(values[0])
	}
	return ""
}

// unread gives handlers an empty request.
type unread struct{ grpc.ServerStream }

func (unread) RecvMsg(any) error { return nil }

type pacedStream struct {
	grpc.ServerStream
	ctx   context.Context //nolint:containedctx // a stream has one
	visit *visit
}

func (s *pacedStream) Context() context.Context { return s.ctx }

func (s *pacedStream) RecvMsg(m any) error {
	began := time.Now()
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	s.visit.noted.asked(m)
	return s.visit.moved(s.ctx, payload(m), time.Since(began))
}

func (s *pacedStream) SendMsg(m any) error {
	n := payload(m) // which belongs to grpc when it is sent
	began := time.Now()
	if err := s.ServerStream.SendMsg(m); err != nil {
		return err
	}
	return s.visit.moved(s.ctx, n, time.Since(began))
}

// payload is how many bytes of an artifact a message carries. The servers have messages
// of their own making, whose bytes are elsewhere.
func payload(m any) int {
	switch m := m.(type) {
	case interface{ PayloadBytes() int }:
		return m.PayloadBytes()
	case interface{ GetData() []byte }:
		return len(m.GetData())
	}
	return 0
}
