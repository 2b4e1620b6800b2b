package service

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// flushTime bounds how long the last spans of a process may take to leave it.
const flushTime = 3 * time.Second

// Tracing returns where spans go, as OpenTelemetry's own environment variables say, or nil
// when they do not ask for any: then nothing is made and nothing costs. Call stop at the
// end; it sends what is left.
//
// The exporter reads OTEL_EXPORTER_OTLP_*, the SDK OTEL_TRACES_SAMPLER, OTEL_BSP_*,
// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
func Tracing(ctx context.Context, name, version string, env func(string) string, log *slog.Logger) (tracing trace.TracerProvider, stop func(), err error) {
	nothing := func() {}
	on, err := wantsTraces(env)
	if !on {
		return nil, nothing, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nothing, fmt.Errorf("tracing: %w", err)
	}
	// What the environment says of the process comes last, and wins.
	of, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", name), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, nothing, fmt.Errorf("tracing: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(of))
	// OpenTelemetry has one handler for the whole process, which by itself writes plain
	// text to standard error.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.LogAttrs(ctx, slog.LevelWarn, "tracing", slog.Any("error", err)) }))
	return provider, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil { // a collector that is away is no failure of the process
			log.LogAttrs(ctx, slog.LevelWarn, "the last spans were not sent", slog.Any("error", err))
		}
	}, nil
}

// wantsTraces reads the variables that turn tracing on: an exporter, or somewhere to send
// to. What is asked for and not here is an error, not silence.
func wantsTraces(env func(string) string) (bool, error) {
	exporter := env("OTEL_TRACES_EXPORTER")
	endpoint := env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") + env("OTEL_EXPORTER_OTLP_ENDPOINT")
	switch {
	case env("OTEL_SDK_DISABLED") == "true" || exporter == "none" || exporter == "" && endpoint == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER is %q: otlp or none", exporter)
	}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := env(variable); p != "" {
			if p != "http/protobuf" {
				return false, fmt.Errorf("%s is %q: only http/protobuf is spoken here; collectors listen for it on port 4318", variable, p)
			}
			break
		}
	}
	return true, nil
}
