package service

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/managedcas/managedcas/internal/problem/grpcproblem"
)

// Opened are the listeners of a role; nil where its configuration names no address.
type Opened struct {
	GRPC, HTTP, Metrics net.Listener
	Certificate         *Certificate // that all show; nil: they are plaintext
}

// Listeners opens what l names. It leaves nothing open when it fails.
func Listeners(l Listen) (Opened, error) {
	var opened Opened
	for _, at := range []struct {
		what, address string
		listener      *net.Listener
	}{{"HTTP", l.HTTP, &opened.HTTP}, {"gRPC", l.GRPC, &opened.GRPC}, {"metrics", l.Metrics, &opened.Metrics}} {
		if at.address == "" {
			continue
		}
		listener, err := net.Listen("tcp", at.address)
		if err != nil {
			return Opened{}, errors.Join(fmt.Errorf("listening for %s: %w: free the address, or change listen.%s", at.what, err, strings.ToLower(at.what)), opened.close())
		}
		*at.listener = listener
	}
	return opened, nil
}

// The bounds on what one connection costs before anybody knows whose it is.
const (
	maxStreams    = 128      // that are open at a time; clients wait for a free one
	maxGRPCHeader = 64 << 10 // bytes, as counted by HTTP/2; gRPC's own default is 16 MiB
)

// streamWorkers is how many goroutines wait for calls; what comes when all are busy gets
// one of its own. The AWS SDK calls some forty middlewares one within the other: a new
// goroutine spends a tenth of a small transfer on making its stack large enough.
const streamWorkers = 16

// NewGRPC returns a gRPC server with the bounds and error conventions of the project:
// problems become statuses, panics become Internal and a line in log, messages have at
// most 4 MiB, and dead connections are noticed. Further interceptors run inside the one
// for errors. Reflection tells callers what there is; who may ask, the interceptors say.
func NewGRPC(log *slog.Logger, options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(slices.Concat(
		arrival{firstMessage}.options(),
		[]grpc.ServerOption{
			grpc.ChainUnaryInterceptor(grpcproblem.UnaryServer()),
			grpc.ChainStreamInterceptor(grpcproblem.StreamServer()),
			grpc.MaxConcurrentStreams(maxStreams),
			grpc.MaxHeaderListSize(maxGRPCHeader),
			grpc.NumStreamWorkers(streamWorkers),
			grpc.ConnectionTimeout(10 * time.Second),
			grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		},
		recovered{log}.options(),
		options,
	)...)
	reflection.Register(server)
	return server
}
