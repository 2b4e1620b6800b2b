package reconcile

import (
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/managedcas/managedcas/internal/probe"
)

// metrics count what this process does.
type metrics struct {
	reconciles  *prometheus.CounterVec
	seconds     prometheus.Histogram
	repairs     *prometheus.CounterVec
	probes      *prometheus.CounterVec
	probeTook   prometheus.Histogram
	cycleEnded  prometheus.Gauge
	consecutive prometheus.GaugeFunc
}

func newMetrics(failures func() int) *metrics {
	seconds := []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 45}
	m := &metrics{
		reconciles: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "managedcas_reconciles_total",
			Help: "Reconciliations of one organization by outcome: ok, again, failed."}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "managedcas_reconcile_seconds",
			Help: "How long a reconciliation of one organization took, without its wait for a worker.", Buckets: seconds}),
		repairs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "managedcas_drift_repaired_total",
			Help: "Steps that put back what an organization had before, by what it was."}, []string{"kind"}),
		probes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "managedcas_probes_total",
			Help: "Probes of one organization by what they found: Probed is success; IsolationBroken means that it reached what is not its own."}, []string{"reason"}),
		probeTook: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "managedcas_probe_seconds",
			Help: "How long a probe of one organization took.", Buckets: seconds}),
		cycleEnded: prometheus.NewGauge(prometheus.GaugeOpts{Name: "managedcas_cycle_success_timestamp_seconds",
			Help: "When this process last made a cycle over all organizations that succeeded; Unix time. Of several processes, the newest counts."}),
		consecutive: prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "managedcas_reconcile_consecutive_failures",
			Help: "Cycles and reconciliations of this process that failed in a row; at 10 its /readyz fails."}, func() float64 { return float64(failures()) }),
	}
	m.startAtZero()
	return m
}

// startAtZero shows what has not happened yet: increase() needs a value before the first.
func (m *metrics) startAtZero() {
	for _, outcome := range []string{"ok", "again", "failed"} {
		m.reconciles.WithLabelValues(outcome)
	}
	for _, step := range []Step{SaveSharedPolicy{}, CreateAccessPoint{}, PutAccessPointPolicy{}, SaveSecret{}, SaveBackend{}} {
		m.repairs.WithLabelValues(label(step))
	}
	for _, reason := range probe.Reasons {
		m.probes.WithLabelValues(reason)
	}
}

// label is a step's kind as metrics have it.
func label(s Step) string { return strings.ReplaceAll(kind(s), " ", "_") }

// Collectors are the reconciler's metrics.
func (r *Reconciler) Collectors() []prometheus.Collector {
	m := r.metrics
	return []prometheus.Collector{&r.cycles, m.reconciles, m.seconds, m.repairs, m.probes, m.probeTook, m.cycleEnded, m.consecutive}
}

func (m *metrics) reconciled(err error, took time.Duration) {
	outcome := "ok"
	if _, again := errors.AsType[*Again](err); again {
		outcome = "again"
	} else if err != nil {
		outcome = "failed"
	}
	m.reconciles.WithLabelValues(outcome).Inc()
	m.seconds.Observe(took.Seconds())
}

func (m *metrics) probed(result probe.Result) {
	m.probes.WithLabelValues(result.Reason).Inc()
	m.probeTook.Observe(result.Took.Seconds())
}
