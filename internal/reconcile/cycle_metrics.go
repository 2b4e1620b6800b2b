package reconcile

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/managedcas/managedcas/internal/registry"
)

// cycleMetrics shows the last cycle of this process, and what it has deleted.
type cycleMetrics struct {
	mu      sync.Mutex
	last    *Tally // nil: this process has made none
	removed map[string]int
}

var (
	cycleSeconds = prometheus.NewDesc("managedcas_cycle_seconds", "How long the last cycle of this process took.", nil, nil)
	cycleFound   = prometheus.NewDesc("managedcas_cycle_organizations", "Organizations in the last cycle of this process: all, due for a deep look, read in turn, and drifted among these.", []string{"which"}, nil)
	orphanCount  = prometheus.NewDesc("managedcas_orphans", "Things in AWS whose organization nobody knows, in the last cycle of this process.", []string{"kind"}, nil)
	orphanAge    = prometheus.NewDesc("managedcas_orphan_oldest_seconds", "For how long the oldest orphan has been known.", nil, nil)
	orphansGone  = prometheus.NewDesc("managedcas_orphans_deleted_total", "Orphans that this process deleted.", []string{"kind"}, nil)
)

func (m *cycleMetrics) made(t Tally) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = &t
}

func (m *cycleMetrics) deleted(kind string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.removed == nil {
		m.removed = map[string]int{}
	}
	m.removed[kind]++
}

// Describe implements prometheus.Collector.
func (m *cycleMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{cycleSeconds, cycleFound, orphanCount, orphanAge, orphansGone} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *cycleMetrics) Collect(to chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, kind := range []string{registry.OrphanAccessPoint, registry.OrphanSessionPolicy} {
		to <- prometheus.MustNewConstMetric(orphansGone, prometheus.CounterValue, float64(m.removed[kind]), kind)
	}
	t := m.last
	if t == nil {
		return
	}
	gauge(cycleSeconds, t.Took.Seconds())
	for which, n := range map[string]int{"all": t.Organizations, "due": t.Due, "glanced": t.Glanced, "drifted": t.Drifted} {
		gauge(cycleFound, float64(n), which)
	}
	of := map[string]int{registry.OrphanAccessPoint: 0, registry.OrphanSessionPolicy: 0}
	oldest := 0.0
	for _, o := range t.Orphans {
		of[o.Kind]++
		oldest = max(oldest, time.Since(o.FirstSeen).Seconds())
	}
	for kind, n := range of {
		gauge(orphanCount, float64(n), kind)
	}
	gauge(orphanAge, oldest)
}
