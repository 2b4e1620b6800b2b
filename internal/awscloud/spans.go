package awscloud

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// A call is one span, whatever the number of its attempts, and each attempt an event on
// it with AWS's request id, which is what AWS's support asks for. Names are those of
// OpenTelemetry's conventions for AWS SDKs. Parameters are left out, as in the log.

// tracerOf returns nil without a provider: calls then cost nothing more.
func tracerOf(tracing trace.TracerProvider) trace.Tracer {
	if tracing == nil {
		return nil
	}
	return tracing.Tracer("github.com/managedcas/managedcas/internal/awscloud")
}

func startSpan(ctx context.Context, tracer trace.Tracer, c *call) context.Context {
	ctx, _ = tracer.Start(ctx, c.api.service+"."+c.api.operation, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(
			attribute.String("rpc.system", "aws-api"),
			attribute.String("rpc.service", c.api.service),
			attribute.String("rpc.method", c.api.operation),
		))
	return ctx
}

func noteAttempt(ctx context.Context, c *call, requestID string, err error) {
	span := trace.SpanFromContext(ctx)
	attributes := []attribute.KeyValue{attribute.Int("attempt", c.attempts), attribute.String("aws.request_id", requestID)}
	if err != nil {
		attributes = append(attributes, attribute.String("error.type", codeOf(err)))
	}
	span.AddEvent("attempt", trace.WithAttributes(attributes...))
	span.SetAttributes(attribute.String("aws.request_id", requestID)) // of the last attempt
}

func endSpan(ctx context.Context, c *call, err error) {
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.Int("http.request.resend_count", max(0, c.attempts-1)))
	if c.waited > 0 {
		span.SetAttributes(attribute.Float64("managedcas.rate_wait_seconds", c.waited.Seconds()))
	}
	if err != nil {
		span.SetAttributes(attribute.String("error.type", strings.TrimSpace(outcomeName(err)+" "+codeOf(err))))
		span.SetStatus(otelcodes.Error, outcomeName(err))
	}
	span.End()
}
