package service

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// Calls are counted by the code that the client sees, unary ones and streams.
func TestCallsAreCounted(t *testing.T) {
	t.Parallel()
	calls := NewCallMetrics()
	server := NewGRPC(slog.New(slog.DiscardHandler), calls.ServerOptions()...)
	client := healthv1.NewHealthClient(dial(t, server, answering{}))
	if _, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	list, err := client.List(t.Context(), &healthv1.HealthListRequest{})
	if err == nil {
		t.Fatalf("answered %v", list)
	}
	watch, err := client.Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err == nil {
		_, err = watch.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	server.GracefulStop() // every interceptor has returned
	w := httptest.NewRecorder()
	Metrics(calls).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`managedcas_call_seconds_count{code="OK",method="grpc.health.v1.Health/Check"} 1`,
		`managedcas_call_seconds_count{code="Unimplemented",method="grpc.health.v1.Health/List"} 1`,
		`managedcas_call_seconds_count{code="OK",method="grpc.health.v1.Health/Watch"} 1`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("no line %s in\n%s", line, w.Body)
		}
	}
}
