package service

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// dial serves health on server in memory and connects to it.
func dial(t *testing.T, server *grpc.Server, health healthv1.HealthServer) *grpc.ClientConn {
	t.Helper()
	healthv1.RegisterHealthServer(server, health)
	listener := bufconn.Listen(1 << 20)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// answering answers Check, and Watch after a while.
type answering struct {
	healthv1.UnimplementedHealthServer
	after time.Duration
}

func (a answering) Check(context.Context, *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	<-time.After(a.after)
	return &healthv1.HealthCheckResponse{}, nil
}

func (a answering) Watch(_ *healthv1.HealthCheckRequest, stream healthv1.Health_WatchServer) error {
	<-time.After(a.after)
	if err := stream.Context().Err(); err != nil {
		return err
	}
	return stream.Send(&healthv1.HealthCheckResponse{})
}

var anyStream = &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}

// TestFirstMessageHasToArrive: until it does, no interceptor runs and no token is asked
// for, so that anybody could hold calls open.
func TestFirstMessageHasToArrive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := dial(t, grpc.NewServer(arrival{firstMessage}.options()...), answering{})
		for _, method := range []string{healthv1.Health_Check_FullMethodName, healthv1.Health_Watch_FullMethodName} {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 2*firstMessage)
			defer cancel()
			stream, err := conn.NewStream(ctx, anyStream, method)
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.RecvMsg(&healthv1.HealthCheckResponse{}); err == nil || time.Since(began) != firstMessage {
				t.Errorf("%s: ended after %s with %v, want an end by the server after %s", method, time.Since(began), err, firstMessage)
			}
		}
	})
}

// TestCallsMayTakeLonger: what is bounded is the arrival of the first message alone.
func TestCallsMayTakeLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := healthv1.NewHealthClient(dial(t, grpc.NewServer(arrival{firstMessage}.options()...), answering{after: 2 * firstMessage}))
		if _, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
			t.Errorf("unary: %v", err)
		}
		watch, err := client.Watch(t.Context(), &healthv1.HealthCheckRequest{})
		if err == nil {
			_, err = watch.Recv()
		}
		if err != nil {
			t.Errorf("stream: %v", err)
		}
	})
}

type panicking struct {
	healthv1.UnimplementedHealthServer
}

func (panicking) Check(context.Context, *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	panic("secret of the server")
}

func (panicking) Watch(*healthv1.HealthCheckRequest, healthv1.Health_WatchServer) error {
	panic("secret of the server")
}

// TestPanicsEndOneCall: they are Internal to the client, without what they say, and in
// the log with it.
func TestPanicsEndOneCall(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	server := NewGRPC(slog.New(slog.NewTextHandler(&log, nil)))
	client := healthv1.NewHealthClient(dial(t, server, panicking{}))
	_, unary := client.Check(t.Context(), &healthv1.HealthCheckRequest{})
	watch, err := client.Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err == nil {
		_, err = watch.Recv()
	}
	for _, err := range []error{unary, err} {
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
			t.Errorf("the client got %v", err)
		}
	}
	server.Stop() // nothing writes to the log any more
	if n := strings.Count(log.String(), "secret of the server"); n != 2 {
		t.Errorf("%d panics in the log, want 2:\n%s", n, &log)
	}
}

// TestMetadataIsBounded: a token has at most 8 KiB; HPACK makes megabytes out of a few.
func TestMetadataIsBounded(t *testing.T) {
	t.Parallel()
	client := healthv1.NewHealthClient(dial(t, NewGRPC(slog.New(slog.DiscardHandler)), answering{}))
	for size, want := range map[int]codes.Code{60_000: codes.OK, 66_000: codes.Internal} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x", strings.Repeat("v", size))
		// The server's limit reaches the client with the first answer.
		if _, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Check(ctx, &healthv1.HealthCheckRequest{}); status.Code(err) != want {
			t.Errorf("%d bytes of metadata: %v, want %v", size, err, want)
		}
	}
}
