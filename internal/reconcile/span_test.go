package reconcile_test

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/reconcile"
)

// The trace of a reconciliation names the organization, and AWS's id of every request.
func TestAReconciliationIsOneTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spans := tracetest.NewInMemoryExporter()
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: "us-east-1", AccountID: "123456789012", Endpoint: w.endpoint, Credentials: w.identity, Transport: w.network, Tracing: tracing,
	})
	if err != nil {
		t.Fatal(err)
	}
	o := w.organization(t)
	r := reconcile.New(reconcile.Config{
		Installation: w.in, AccessPoints: c, Policies: c, Roles: c, Listings: c, Memory: w.db, Organizations: w.db, Secrets: w.secrets, Tracing: tracing,
	})
	if err := r.Reconcile(t.Context(), o.ID); err != nil {
		t.Fatal(err)
	}
	got := spans.GetSpans()
	root := got[len(got)-1]
	if root.Name != "reconcile" || len(root.Attributes) != 1 || root.Attributes[0].Value.AsString() != o.ID.String() {
		t.Errorf("the last span is %s with %v", root.Name, root.Attributes)
	}
	names := map[string]bool{}
	for _, span := range got[:len(got)-1] {
		names[span.Name] = true
		if span.Parent.SpanID() != root.SpanContext.SpanID() {
			t.Errorf("%s is not below the reconciliation", span.Name)
		}
		id := ""
		for _, a := range span.Attributes {
			if a.Key == "aws.request_id" {
				id = a.Value.AsString()
			}
		}
		if id == "" {
			t.Errorf("%s has no request id", span.Name)
		}
	}
	for _, name := range []string{"iam.CreatePolicy", "s3control.CreateAccessPoint", "s3control.PutAccessPointPolicy"} {
		if !names[name] {
			t.Errorf("no span %s in %v", name, names)
		}
	}
}
