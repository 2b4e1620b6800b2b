package service_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/managedcas/managedcas/internal/service"
)

// TestCallsAreFinishedBeforeTheServerStops: health says NOT_SERVING first; a call that comes
// then is answered, and one that runs is waited for.
func TestCallsAreFinishedBeforeTheServerStops(t *testing.T) {
	t.Parallel()
	began, finish := make(chan struct{}), make(chan struct{})
	log := slog.New(slog.DiscardHandler)
	server := service.NewGRPC(log, grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if req.(*healthv1.HealthCheckRequest).GetService() == "slow" {
			close(began)
			<-finish
			return &healthv1.HealthCheckResponse{}, nil
		}
		return next(ctx, req)
	}))
	standing := service.NewStanding(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	left, ended := make(chan struct{}), make(chan error, 1)
	task := service.Drained("plane", log, service.Drain{
		Refuse: func(ctx context.Context) { standing.Leave(ctx); close(left); <-began },
		Grace:  time.Minute,
	}, service.GRPC("grpc", listener, server))
	go func() { ended <- task.Run(ctx) }()
	conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := healthv1.NewHealthClient(conn)
	check := func(want healthv1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		if got, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil || got.GetStatus() != want {
			t.Errorf("%v, %v, want %v", got.GetStatus(), err, want)
		}
	}
	check(healthv1.HealthCheckResponse_SERVING)
	if err := standing.Open(ctx); err != nil {
		t.Errorf("not open: %v", err)
	}
	stop()
	<-left
	check(healthv1.HealthCheckResponse_NOT_SERVING)
	if err := standing.Open(t.Context()); err == nil {
		t.Error("open, although it is leaving")
	}
	answered := make(chan error, 1)
	go func() {
		_, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "slow"})
		answered <- err
	}()
	<-began
	select {
	case err := <-ended:
		t.Fatalf("the server stopped under a call: %v", err)
	case err := <-answered:
		t.Fatalf("answered too early: %v", err)
	default:
	}
	close(finish)
	if err := <-answered; err != nil {
		t.Errorf("the call that ran: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server: %v", err)
	}
}
