package purge

import "github.com/prometheus/client_golang/prometheus"

var (
	purgedObjects       = prometheus.NewDesc("managedcas_purge_objects_total", "Versions, delete markers and uploads that purges of this process removed.", nil, nil)
	purgedBytes         = prometheus.NewDesc("managedcas_purge_bytes_total", "Bytes that purges of this process removed.", nil, nil)
	purgedOrganizations = prometheus.NewDesc("managedcas_purge_organizations_total", "Organizations whose purge this process finished.", nil, nil)
	purgeFailures       = prometheus.NewDesc("managedcas_purge_failures_total", "Purges of this process that stopped with an error.", nil, nil)
)

// Describe implements prometheus.Collector.
func (p *Purger) Describe(to chan<- *prometheus.Desc) {
	to <- purgedObjects
	to <- purgedBytes
	to <- purgedOrganizations
	to <- purgeFailures
}

// Collect implements prometheus.Collector.
func (p *Purger) Collect(to chan<- prometheus.Metric) {
	for desc, n := range map[*prometheus.Desc]int64{
		purgedObjects: p.stats.objects.Load(), purgedBytes: p.stats.bytes.Load(),
		purgedOrganizations: p.stats.organizations.Load(), purgeFailures: p.stats.failures.Load(),
	} {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n))
	}
}
