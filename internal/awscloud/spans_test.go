package awscloud_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/managedcas/managedcas/internal/awscloud"
)

// A call is one span, with an event for every attempt and AWS's id of each. Parameters are
// nowhere in it.
func TestACallIsOneSpan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		spans := tracetest.NewInMemoryExporter()
		sent := 0
		c := traced(t, sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)), func(*http.Request) (int, string) {
			if sent++; sent == 1 {
				return http.StatusBadRequest, "<ErrorResponse><Error><Code>Throttling</Code></Error><RequestId>R1</RequestId></ErrorResponse>"
			}
			return http.StatusNotFound, "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no secret-name</Message></Error><RequestId>R2</RequestId></ErrorResponse>"
		})
		if _, err := c.Role(t.Context(), "secret-name"); err == nil {
			t.Fatal("a role that is not there was read")
		}
		got := spans.GetSpans()
		if len(got) != 1 || got[0].Name != "iam.GetRole" || got[0].SpanKind != trace.SpanKindClient || got[0].Status.Code != codes.Error {
			t.Fatalf("spans: %+v", got)
		}
		if len(got[0].Events) != 2 {
			t.Fatalf("events: %+v", got[0].Events)
		}
		var text strings.Builder
		for _, event := range got[0].Events {
			for _, a := range event.Attributes {
				text.WriteString(string(a.Key) + "=" + a.Value.String() + " ")
			}
		}
		if want := "attempt=1 aws.request_id=R1 error.type=Throttling attempt=2 aws.request_id=R2 error.type=NoSuchEntity "; text.String() != want {
			t.Errorf("attempts are told as %q, want %q", text.String(), want)
		}
		for _, a := range got[0].Attributes {
			text.WriteString(string(a.Key) + "=" + a.Value.String() + " ")
		}
		for _, want := range []string{"rpc.service=iam ", "rpc.method=GetRole ", "aws.request_id=R2 error", "http.request.resend_count=1 "} {
			if want = strings.TrimSuffix(want, "error"); !strings.Contains(text.String(), want) {
				t.Errorf("no %q in %s", want, text.String())
			}
		}
		if strings.Contains(text.String()+got[0].Status.Description, "secret-name") {
			t.Errorf("%s %s shows a parameter", text.String(), got[0].Status.Description)
		}
	})
}

func traced(t testing.TB, tracing trace.TracerProvider, answer transport) *awscloud.Cloud {
	t.Helper()
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: region, AccountID: account, Transport: answer, Tracing: tracing,
		Credentials: awscloud.StaticCredentials("AKIAEXAMPLE", "secret"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// BenchmarkTracing is a call of S3's data path without a network: with tracing off it costs
// what it did before there was any.
func BenchmarkTracing(b *testing.B) {
	for name, tracing := range map[string]trace.TracerProvider{
		"off": nil, "on": sdktrace.NewTracerProvider(sdktrace.WithBatcher(tracetest.NewNoopExporter())),
	} {
		b.Run(name, func(b *testing.B) {
			c := traced(b, tracing, func(*http.Request) (int, string) { return http.StatusOK, "" })
			o := objects(b, c)
			b.ReportAllocs()
			for b.Loop() {
				if err := o.Abort(b.Context(), "key", "upload"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
