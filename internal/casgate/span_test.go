package casgate_test

import (
	"bytes"
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/managedcas/managedcas/test/rig"
)

// A transfer is one span with its organization and how it ended, above the calls of AWS
// that it took.
func TestATransferIsOneSpan(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	s := newSite(t, rig.Options{Tracing: trace.NewTracerProvider(trace.WithSyncer(spans))})
	id := s.Org(t)
	content, d := rig.Content(1000)
	spans.Reset()
	answer, err := http.DefaultClient.Do(s.request(t, http.MethodPut, d, uploader(id), bytes.NewReader(content)))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	s.http.Close() // and with it, the request is over
	var transfer tracetest.SpanStub
	for _, span := range spans.GetSpans() {
		if span.Name == "upload" {
			transfer = span
		}
	}
	said := map[string]string{}
	for _, a := range transfer.Attributes {
		said[string(a.Key)] = a.Value.AsString()
	}
	if said["managedcas.organization"] != id.String() || said["managedcas.outcome"] != "ok" || said["managedcas.protocol"] != "http" {
		t.Errorf("the transfer says %v", said)
	}
	puts := 0
	for _, span := range spans.GetSpans() {
		if span.Name == "s3.PutObject" && span.Parent.SpanID() == transfer.SpanContext.SpanID() {
			puts++
		}
	}
	if puts != 1 {
		t.Errorf("%d PutObject below the transfer, want 1: %v", puts, spans.GetSpans())
	}
}
