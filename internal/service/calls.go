package service

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/problem/grpcproblem"
)

// CallMetrics counts gRPC calls by method, with its service, for several have a Create, and
// code. Both are bounded: only registered methods get as far as an interceptor.
type CallMetrics struct{ *prometheus.HistogramVec }

// NewCallMetrics returns CallMetrics with all counts zero.
func NewCallMetrics() CallMetrics {
	return CallMetrics{prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "managedcas", Name: "call_seconds", Help: "gRPC calls, and how long they took.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 8), // 1 ms to 16 s
	}, []string{"method", "code"})}
}

// ServerOptions returns the interceptors. They belong outside of all that see errors as
// problems.
func (c CallMetrics) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			began := time.Now()
			resp, err := next(ctx, req)
			c.ended(info.FullMethod, began, err)
			return resp, err
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			began := time.Now()
			err := next(srv, stream)
			c.ended(info.FullMethod, began, err)
			return err
		}),
	}
}

func (c CallMetrics) ended(method string, began time.Time, err error) {
	c.WithLabelValues(strings.TrimPrefix(method, "/"), grpcproblem.Status(err).Code().String()).Observe(time.Since(began).Seconds())
}
