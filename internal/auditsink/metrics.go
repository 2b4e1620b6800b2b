package auditsink

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type stats struct{ records, failures atomic.Int64 }

// countTime bounds what is asked of the database for a scrape.
const countTime = 2 * time.Second

var (
	lagDesc  = prometheus.NewDesc("managedcas_audit_sink_lag", "Audit records that a sink was not told of yet.", []string{"sink"}, nil)
	toldDesc = prometheus.NewDesc("managedcas_audit_sink_records_total", "Audit records that this process told a sink of.", []string{"sink"}, nil)
	failDesc = prometheus.NewDesc("managedcas_audit_sink_failures_total", "Attempts that failed, of this process.", []string{"sink"}, nil)
)

// Describe implements prometheus.Collector.
func (d *Deliveries) Describe(to chan<- *prometheus.Desc) {
	to <- lagDesc
	to <- toldDesc
	to <- failDesc
}

// Collect implements prometheus.Collector. The lag is that of all processes together, and
// missing when the database does not say it.
func (d *Deliveries) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), countTime)
	defer cancel()
	for _, one := range d.each {
		if lag, err := d.cfg.Store.SinkLag(ctx, one.Name); err == nil {
			to <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, float64(lag), one.Name)
		}
		to <- prometheus.MustNewConstMetric(toldDesc, prometheus.CounterValue, float64(one.stats.records.Load()), one.Name)
		to <- prometheus.MustNewConstMetric(failDesc, prometheus.CounterValue, float64(one.stats.failures.Load()), one.Name)
	}
}
