package casgate

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/managedcas/managedcas/internal/admission"
	"github.com/managedcas/managedcas/internal/session"
)

// Metrics of the data path. No label names an organization or anything in AWS: the
// number of series is bounded by kinds, protocols and outcomes.
type Metrics struct {
	transfers *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	refusals  *prometheus.CounterVec
	inFlight  *prometheus.GaugeVec
}

// NewMetrics returns Metrics with all counts zero.
func NewMetrics() *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "managedcas", Name: name, Help: help}, labels)
	}
	refusals := counter("transfers_refused_total", "Transfers that were not let in, by reason.", "reason")
	for _, reason := range admission.Reasons {
		refusals.WithLabelValues(reason) // an alert on what has never happened needs the 0
	}
	return &Metrics{
		refusals:  refusals,
		transfers: counter("transfers_total", "Requests for artifacts that ended, by how.", "protocol", "kind", "outcome"),
		bytes:     counter("transfer_bytes_total", "Bytes of artifacts moved to or from clients.", "kind"),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "managedcas", Name: "transfers_in_flight", Help: "Transfers of artifacts that are running.",
		}, []string{"kind"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "managedcas", Name: "transfer_seconds", Help: "How long transfers of artifacts took, from admission to the end.",
			Buckets: prometheus.ExponentialBuckets(0.005, 4, 9), // 5 ms to 5 minutes
		}, []string{"kind"}),
	}
}

// Collectors returns what /metrics shows.
func (m *Metrics) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.transfers, m.bytes, m.seconds, m.refusals, m.inFlight}
}

func (m *Metrics) refused(reason string) { m.refusals.WithLabelValues(reason).Inc() }

func (m *Metrics) ended(v *visit, outcome string) {
	m.transfers.WithLabelValues(v.protocol, v.kind, outcome).Inc()
	if v.place != nil {
		m.seconds.WithLabelValues(v.kind).Observe(time.Since(v.entered).Seconds())
	}
}

// SessionMetrics are the counts of a session cache.
func SessionMetrics(stats func() session.Stats) []prometheus.Collector {
	counter := func(name, help string, value func(session.Stats) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "managedcas", Name: "sessions_" + name + "_total", Help: help},
			func() float64 { return float64(value(stats())) })
	}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "managedcas", Name: "session_packed_percent", Help: "Of the space that STS has for session policies and tags, as the last session took it; 0: not known.",
		}, func() float64 { return float64(stats().Packed) }),
		counter("reused", "Requests served with a session that was kept.", func(s session.Stats) int64 { return s.Hits }),
		counter("minted", "Sessions that STS issued.", func(s session.Stats) int64 { return s.Mints }),
		counter("failed", "Attempts to get a session that failed.", func(s session.Stats) int64 { return s.Failures }),
		counter("renewed", "Renewals that were begun in the background.", func(s session.Stats) int64 { return s.Renewals }),
		counter("dropped", "Sessions forgotten because AWS denied them.", func(s session.Stats) int64 { return s.Drops }),
		counter("withheld", "AssumeRole calls not made, for one was denied just before.", func(s session.Stats) int64 { return s.Withheld }),
	}
}
