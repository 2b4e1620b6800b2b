package service

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/tap"
)

// firstMessage is how long the first message of a call may take to arrive. gRPC reads
// it before any interceptor runs: until then nobody has been asked for a token, and a
// message may hold 4 MiB.
const firstMessage = 20 * time.Second

// arrival ends a call whose first message does not come. It is started when the header
// has arrived and stopped by the interceptors.
type arrival struct{ within time.Duration }

type arrivalKey struct{}

func (a arrival) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.InTapHandle(a.start),
		grpc.ChainUnaryInterceptor(a.unary),
		grpc.ChainStreamInterceptor(a.stream),
	}
}

func (a arrival) start(ctx context.Context, _ *tap.Info) (context.Context, error) {
	ctx, cancel := context.WithCancel(ctx)
	return context.WithValue(ctx, arrivalKey{}, time.AfterFunc(a.within, cancel)), nil
}

func arrived(ctx context.Context) {
	if timer, ok := ctx.Value(arrivalKey{}).(*time.Timer); ok {
		timer.Stop()
	}
}

// unary runs when the message is there.
func (arrival) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	arrived(ctx)
	return next(ctx, req)
}

// stream runs before the first message. A handler that receives a stream looks at the
// token first and then at its own clock; any other gets its one message before it runs.
func (arrival) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if info.IsClientStream {
		arrived(stream.Context())
		return next(srv, stream)
	}
	return next(srv, oneMessage{stream})
}

type oneMessage struct{ grpc.ServerStream }

func (s oneMessage) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	arrived(s.Context())
	return err
}
