package service

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"
)

// recovered turns a panic of a handler into the failure of its one call, as net/http
// does: what one client sent must not end the transfers of all others.
type recovered struct{ log *slog.Logger }

func (r recovered) options() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(r.unary), grpc.ChainStreamInterceptor(r.stream)}
}

func (r recovered) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	defer r.catch(ctx, info.FullMethod, &err)
	return next(ctx, req)
}

func (r recovered) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer r.catch(stream.Context(), info.FullMethod, &err)
	return next(srv, stream)
}

func (r recovered) catch(ctx context.Context, method string, err *error) {
	p := recover()
	if p == nil {
		return
	}
	r.log.LogAttrs(ctx, slog.LevelError, "call panicked", slog.String("method", method),
		slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	*err = fmt.Errorf("panic: %v", p)
}
