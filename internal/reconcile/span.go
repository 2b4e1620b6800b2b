package reconcile

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/managedcas/managedcas/internal/org"
)

// span begins the trace of one reconciliation: the calls of AWS that it takes are below
// it. The function that it returns ends it.
func (r *Reconciler) span(ctx context.Context, id org.ID) (context.Context, func(error)) {
	if r.cfg.Tracing == nil {
		return ctx, func(error) {}
	}
	ctx, span := r.cfg.Tracing.Tracer("github.com/managedcas/managedcas/internal/reconcile").Start(ctx, "reconcile",
		trace.WithAttributes(attribute.String("managedcas.organization", id.String())))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}
