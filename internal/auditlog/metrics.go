package auditlog

import "github.com/prometheus/client_golang/prometheus"

// Collectors are the counts of a Log. None names an organization.
func Collectors(stats func() Stats) []prometheus.Collector {
	gauge := func(name, help string, value func(Stats) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "managedcas", Name: "audit_" + name, Help: help},
			func() float64 { return float64(value(stats())) })
	}
	counter := func(name, help string, value func(Stats) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "managedcas", Name: "audit_" + name + "_total", Help: help},
			func() float64 { return float64(value(stats())) })
	}
	return []prometheus.Collector{
		gauge("queue", "Audit records that wait for the database.", func(s Stats) int { return s.Queued }),
		gauge("reserved", "Places that are promised to transfers that run.", func(s Stats) int { return s.Reserved }),
		counter("records", "Audit records that were written.", func(s Stats) int64 { return s.Written }),
		counter("batches", "Transactions that wrote audit records.", func(s Stats) int64 { return s.Batches }),
		counter("failures", "Attempts that the database failed.", func(s Stats) int64 { return s.Failures }),
		counter("refused", "Transfers that were refused because they could not be recorded.", func(s Stats) int64 { return s.Refused }),
		counter("counted", "Refusals that share a record with others like them.", func(s Stats) int64 { return s.Counted }),
		counter("spilled", "Records that went to the server's log, for the database was away at the end, or closed.", func(s Stats) int64 { return s.Spilled }),
	}
}
