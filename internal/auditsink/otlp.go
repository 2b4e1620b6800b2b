package auditsink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	otellog "go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/managedcas/managedcas/internal/audit"
)

// OTLP exports records as OpenTelemetry logs. Its exporter is OpenTelemetry's own; the
// SDK's batches are not used: they drop what is too much, and say nothing of what was
// delivered.
type OTLP struct {
	mu       sync.Mutex // Send is one at a time
	exporter *otlploghttp.Exporter
	answer   *answered
	provider *sdklog.LoggerProvider
	emitted  collected
}

// NewOTLP returns a sink at target, the whole URL: https://collector:4318/v1/logs. It may have
// no query, which the exporter would leave out. Headers such as a token come from
// OTEL_EXPORTER_OTLP_HEADERS or its kind for logs. Transport is nil for the default one.
func NewOTLP(ctx context.Context, target, version string, transport http.RoundTripper) (*OTLP, error) {
	if u, err := url.Parse(target); err != nil || u.RawQuery != "" {
		return nil, errors.New("otlp: the URL cannot be read, or has a query, which would not be sent: give the collector's key as a header, in OTEL_EXPORTER_OTLP_LOGS_HEADERS")
	}
	if transport == nil {
		transport = http.DefaultTransport
	}
	o := &OTLP{answer: &answered{next: transport}}
	var err error
	o.exporter, err = otlploghttp.New(ctx, otlploghttp.WithEndpointURL(target), otlploghttp.WithHTTPClient(newClient(o.answer)),
		otlploghttp.WithRetry(otlploghttp.RetryConfig{Enabled: false})) // it is done here, for as long as it takes
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	of := resource.NewSchemaless(attribute.String("service.name", "managedcasd"), attribute.String("service.version", version))
	o.provider = sdklog.NewLoggerProvider(sdklog.WithResource(of), sdklog.WithProcessor(&o.emitted),
		sdklog.WithAttributeCountLimit(-1), sdklog.WithAttributeValueLengthLimit(-1))
	return o, nil
}

// Send implements Sink.
func (o *OTLP) Send(ctx context.Context, items []Item) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.emitted.records = o.emitted.records[:0]
	logger := o.provider.Logger("github.com/managedcas/managedcas/audit")
	for _, i := range items {
		logger.Emit(ctx, logOf(i))
	}
	*o.answer = answered{next: o.answer.next}
	err := o.exporter.Export(ctx, o.emitted.records)
	switch a := o.answer; {
	case a.status >= 200 && a.status < 300:
		// What a collector refused of a batch that it took must not be sent again
		// (OpenTelemetry protocol, "Partial Success").
		return nil
	case a.status != 0:
		// The exporter's own error has the URL, in which some have a secret, and all that the
		// collector answered.
		return &RetryAfterError{fmt.Errorf("otlp: it answered %d", a.status), a.after}
	case a.err != nil:
		return fmt.Errorf("otlp: %w", a.err)
	case err == nil:
		return fmt.Errorf("otlp: %d records, and no answer", len(items))
	}
	return fmt.Errorf("otlp: %w", withoutURL(err))
}

// logOf is a record as a log: its line as the body, which can be verified, and what one
// looks for as attributes.
func logOf(i Item) otellog.Record {
	var r otellog.Record
	r.SetTimestamp(i.Time)
	r.SetObservedTimestamp(time.Now())
	r.SetEventName("managedcas." + i.Action)
	r.SetSeverity(otellog.SeverityInfo)
	if i.Outcome != audit.Done {
		r.SetSeverity(otellog.SeverityWarn)
	}
	r.SetBody(attribute.StringValue(string(i.Line)))
	for _, a := range [][2]string{
		{"chain", string(i.Chain)}, {"action", i.Action}, {"object", i.Object}, {"outcome", string(i.Outcome)}, {"reason", i.Reason},
		{"subject_kind", string(i.Kind)}, {"subject", i.Subject}, {"remote_ip", i.RemoteIP}, {"request_id", i.RequestID}, {"hash", i.Hash.String()},
	} {
		if a[1] != "" {
			r.AddAttributes(attribute.String("managedcas.audit."+a[0], a[1]))
		}
	}
	r.AddAttributes(attribute.Int64("managedcas.audit.seq", i.Seq))
	return r
}

// collected is a processor that keeps what is emitted: only the SDK makes its records.
type collected struct{ records []sdklog.Record }

func (c *collected) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }

func (c *collected) OnEmit(_ context.Context, r *sdklog.Record) error {
	c.records = append(c.records, r.Clone())
	return nil
}

func (c *collected) Shutdown(context.Context) error   { return nil }
func (c *collected) ForceFlush(context.Context) error { return nil }

// answered keeps what the exporter does not tell: the status and how long to wait, or why
// there was no answer.
type answered struct {
	next   http.RoundTripper
	status int
	after  time.Duration
	err    error
}

func (a *answered) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(r)
	if a.err = err; err == nil {
		a.status, a.after = resp.StatusCode, retryAfter(resp.Header, time.Now())
	}
	return resp, err
}
