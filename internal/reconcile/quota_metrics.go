package reconcile

import "github.com/prometheus/client_golang/prometheus"

var (
	quotaUsed = prometheus.NewDesc("managedcas_quota_used", "What is used of a quota of the account.", []string{"quota"}, nil)
	quotaMax  = prometheus.NewDesc("managedcas_quota_limit", "A quota of the account.", []string{"quota"}, nil)
)

// Describe implements prometheus.Collector.
func (q *Quotas) Describe(to chan<- *prometheus.Desc) { to <- quotaUsed; to <- quotaMax }

// Collect implements prometheus.Collector: it shows the quotas as last read.
func (q *Quotas) Collect(to chan<- prometheus.Metric) {
	for _, quota := range q.Used() {
		to <- prometheus.MustNewConstMetric(quotaUsed, prometheus.GaugeValue, float64(quota.Used), quota.Name)
		to <- prometheus.MustNewConstMetric(quotaMax, prometheus.GaugeValue, float64(quota.Limit), quota.Name)
	}
}
