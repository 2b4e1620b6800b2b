package casgate

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/managedcas/managedcas/internal/catalogue"
)

// CatalogueMetrics are the counts of the catalogue's writer.
func CatalogueMetrics(stats func() catalogue.Stats) []prometheus.Collector {
	gauge := func(name, help string, value func(catalogue.Stats) int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "managedcas", Name: "catalogue_" + name, Help: help},
			func() float64 { return float64(value(stats())) })
	}
	counter := func(name, help string, value func(catalogue.Stats) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "managedcas", Name: "catalogue_" + name + "_total", Help: help},
			func() float64 { return float64(value(stats())) })
	}
	return []prometheus.Collector{
		gauge("queue", "Entries that wait for the database.", func(s catalogue.Stats) int { return s.Queued }),
		gauge("duplicates_queue", "Duplicates that wait to be looked up.", func(s catalogue.Stats) int { return s.Looking }),
		counter("batches", "Transactions that wrote entries.", func(s catalogue.Stats) int64 { return s.Batches }),
		counter("entries", "Entries that were written.", func(s catalogue.Stats) int64 { return s.Written }),
		counter("failures", "Attempts that the database failed.", func(s catalogue.Stats) int64 { return s.Failures }),
		counter("late", "Uploads answered before their entry was written.", func(s catalogue.Stats) int64 { return s.Late }),
		counter("restored", "Entries that a duplicate put back.", func(s catalogue.Stats) int64 { return s.Restored }),
		counter("dropped", "Entries that are missing until the catalogue is rebuilt.", func(s catalogue.Stats) int64 { return s.Dropped }),
	}
}
