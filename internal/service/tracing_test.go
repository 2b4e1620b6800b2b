package service_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"

	"github.com/managedcas/managedcas/internal/service"
)

func TestTracingIsOffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		env    map[string]string
		on, ok bool
	}{
		"nothing":        {nil, false, true},
		"none":           {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false, true},
		"disabled":       {map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, false, true},
		"an endpoint":    {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true, true},
		"one for traces": {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, true, true},
		"otlp":           {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, true},
		"over HTTP":      {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, true, true},
		"over gRPC":      {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, false},
		"traces by HTTP": {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, true, true},
		"another":        {map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, false},
	} {
		tracing, stop, err := service.Tracing(t.Context(), "x", "1", func(k string) string { return row.env[k] }, slog.New(slog.DiscardHandler))
		if (tracing != nil) != row.on || (err == nil) != row.ok {
			t.Errorf("%s: %v, %v", name, tracing, err)
		}
		stop()
	}
}

// What a process has not sent yet, it sends when it stops. The exporter reads the
// environment itself, so the test is alone.
func TestTracesAreSentAtTheEnd(t *testing.T) { //nolint:paralleltest // see above
	var received atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err == nil && r.URL.Path == "/v1/traces" && len(body) > 0 {
			received.Add(1)
		}
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	tracing, stop, err := service.Tracing(t.Context(), "x", "1", os.Getenv, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracing.Tracer("test").Start(context.Background(), "work")
	span.End()
	stop()
	if received.Load() == 0 { // a batch that was answered late is sent again
		t.Error("the collector received nothing")
	}
}
