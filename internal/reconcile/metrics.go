package reconcile

import (
	"errors"
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
	return &metrics{
		reconciles: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "managedcas_reconciles_total",
			Help: "Reconciliations of one organization by outcome: ok, again, failed."}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "managedcas_reconcile_seconds",
			Help: "How long they took.", Buckets: seconds}),
		repairs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "managedcas_drift_repaired_total",
			Help: "What was put back of organizations that had it before."}, []string{"kind"}),
		probes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "managedcas_probes_total",
			Help: "Probes of one organization by what they found."}, []string{"reason"}),
		probeTook: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "managedcas_probe_seconds",
			Help: "How long they took.", Buckets: seconds}),
		cycleEnded: prometheus.NewGauge(prometheus.GaugeOpts{Name: "managedcas_cycle_success_timestamp_seconds",
			Help: "When a pass last succeeded here, or was found to be another process's; Unix time."}),
		consecutive: prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "managedcas_reconcile_consecutive_failures",
			Help: "Failures in a row; at 10 the process is not ready."}, func() float64 { return float64(failures()) }),
	}
}

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

func (m *metrics) cycled(err error) {
	if err == nil {
		m.cycleEnded.SetToCurrentTime()
	}
}
