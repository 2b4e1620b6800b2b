package awscloud

import (
	"context"
	"errors"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"

	"github.com/managedcas/managedcas/internal/cloud"
)

// watcher is told of every call and attempt.
type watcher struct {
	metrics *callMetrics
	tracer  trace.Tracer // nil: no spans
}

func (w watcher) callBegins(ctx context.Context, c *call) context.Context {
	if w.tracer == nil {
		return ctx
	}
	return startSpan(ctx, w.tracer, c)
}

func (w watcher) attemptEnds(ctx context.Context, c *call, metadata middleware.Metadata, err error) {
	w.metrics.attempts.WithLabelValues(c.api.service, c.api.operation).Inc()
	if throttle(err) {
		w.metrics.throttles.WithLabelValues(c.api.service, c.api.operation).Inc()
	}
	if w.tracer != nil {
		noteAttempt(ctx, c, requestID(metadata, err), err)
	}
}

func (w watcher) callEnds(ctx context.Context, c *call, err error) {
	w.metrics.calls.WithLabelValues(c.api.service, c.api.operation, outcomeName(err)).Inc()
	w.metrics.seconds.WithLabelValues(c.api.service, c.api.operation).Observe(time.Since(c.began).Seconds())
	if c.pacer != nil {
		w.metrics.waited.WithLabelValues(c.api.service, c.api.operation).Add(c.waited.Seconds())
	}
	if w.tracer != nil {
		endSpan(ctx, c, err)
	}
}

// requestID is AWS's name of an attempt; empty if no answer came.
func requestID(metadata middleware.Metadata, err error) string {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.RequestID
	}
	id, _ := awsmiddleware.GetRequestIDMetadata(metadata)
	return id
}

// callMetrics count calls by service and operation: their number is bounded by what this
// package calls. No label names anything in AWS.
type callMetrics struct {
	calls     *prometheus.CounterVec
	attempts  *prometheus.CounterVec
	throttles *prometheus.CounterVec
	waited    *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
}

func newCallMetrics() *callMetrics {
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "managedcas", Subsystem: "aws", Name: name, Help: help},
			append([]string{"service", "operation"}, more...))
	}
	return &callMetrics{
		calls:     counter("calls_total", "Calls to AWS that ended, by how.", "outcome"),
		attempts:  counter("attempts_total", "Requests sent to AWS: a call has one, or some."),
		throttles: counter("throttles_total", "Requests that AWS refused because there were too many."),
		waited:    counter("rate_wait_seconds_total", "Time that calls waited for their turn under the process's own rate."),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "managedcas", Subsystem: "aws", Name: "call_seconds", Help: "Time of a call with all its attempts and waiting.",
			Buckets: prometheus.ExponentialBuckets(0.005, 4, 8), // 5 ms to 80 s
		}, []string{"service", "operation"}),
	}
}

// Collectors returns what /metrics shows of the calls of this Cloud.
func (c *Cloud) Collectors() []prometheus.Collector {
	m := c.metrics
	return []prometheus.Collector{m.calls, m.attempts, m.throttles, m.waited, m.seconds, rateGauges{c.rates}}
}

// rateGauges shows the rates as they are when somebody looks.
type rateGauges struct{ rates *Rates }

var rateGauge = prometheus.NewDesc("managedcas_aws_rate", "Calls per second that the process allows itself now.",
	[]string{"service", "operation"}, nil)

func (g rateGauges) Describe(to chan<- *prometheus.Desc) { to <- rateGauge }

func (g rateGauges) Collect(to chan<- prometheus.Metric) {
	g.rates.current(func(a api, perSecond float64) {
		to <- prometheus.MustNewConstMetric(rateGauge, prometheus.GaugeValue, perSecond, a.service, a.operation)
	})
}

// outcomeName names how a call ended: "ok", "canceled" for a caller that gave up, or an
// outcome of package cloud.
func outcomeName(err error) string {
	if err == nil {
		return "ok"
	}
	var outcomeOf error
	if e, ok := errors.AsType[*Error](failed(err, "")); ok {
		outcomeOf = e.Outcome
	}
	for _, row := range []struct {
		outcome error
		name    string
	}{
		{nil, "canceled"},
		{cloud.ErrNotFound, "not_found"},
		{cloud.ErrExists, "exists"},
		{cloud.ErrDenied, "denied"},
		{cloud.ErrExpired, "expired"},
		{cloud.ErrThrottled, "throttled"},
		{cloud.ErrLimit, "limit"},
		{cloud.ErrBadDigest, "bad_digest"},
		{cloud.ErrConflict, "conflict"},
		{cloud.ErrMalformedPolicy, "malformed_policy"},
		{cloud.ErrKeyUnusable, "key_unusable"},
		{cloud.ErrUnavailable, "unavailable"},
		{cloud.ErrUnsupported, "unsupported"},
	} {
		if row.outcome == outcomeOf { //nolint:errorlint // outcomes are themselves
			return row.name
		}
	}
	return "invalid"
}

// codeOf is AWS's error code; empty if no answer came.
func codeOf(err error) string {
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		return answer.ErrorCode()
	}
	return ""
}
