package casgate

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// startSpan begins the span of a transfer; the calls of AWS that it takes are below it.
// What a client says of its own trace is not believed: the sampler's choice is ours.
func (v *visit) startSpan(ctx context.Context) context.Context {
	if v.gate.cfg.Tracing == nil {
		return ctx
	}
	tracer := v.gate.cfg.Tracing.Tracer("github.com/managedcas/managedcas/internal/casgate")
	ctx, v.span = tracer.Start(ctx, v.kind, trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("managedcas.protocol", v.protocol)))
	return ctx
}

// endSpan is called with entering held.
func (v *visit) endSpan(outcome string) {
	if v.span == nil {
		return
	}
	if v.place != nil {
		v.span.SetAttributes(attribute.String("managedcas.organization", v.grant.Org.String()))
	}
	v.span.SetAttributes(attribute.String("managedcas.outcome", outcome))
	if outcome != "ok" {
		v.span.SetStatus(codes.Error, outcome)
	}
	v.span.End()
}
