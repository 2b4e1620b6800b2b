package reconcile

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// Counts is what a Census asks of the database.
type Counts interface {
	// Census counts living organizations by state, and conditions that are false by type.
	Census(ctx context.Context) (map[org.State]int, map[registry.ConditionType]int, error)
}

// Backlog is what a Census asks of the jobs.
type Backlog interface {
	// Waiting counts jobs that wait for a worker, and says since when the first of them does.
	Waiting(ctx context.Context) (n int, since time.Time, err error)
}

// Census shows metrics that are the installation's, not a process's: every replica shows
// the same ones.
type Census struct {
	counts  Counts
	backlog Backlog
	log     *slog.Logger
}

// NewCensus returns a Census. It asks when it is collected.
func NewCensus(counts Counts, backlog Backlog, log *slog.Logger) *Census {
	return &Census{counts, backlog, log}
}

var (
	organizations = prometheus.NewDesc("managedcas_organizations", "Organizations by state.", []string{"state"}, nil)
	unmet         = prometheus.NewDesc("managedcas_conditions_false", "Organizations with a condition that is false, by its type.", []string{"type"}, nil)
	queueDepth    = prometheus.NewDesc("managedcas_queue_depth", "Reconciliations that wait for a worker.", nil, nil)
	queueAge      = prometheus.NewDesc("managedcas_queue_age_seconds", "How long the reconciliation that waits longest has waited for a worker.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *Census) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{organizations, unmet, queueDepth, queueAge} {
		to <- d
	}
}

// censusTimeout is less than a scrape waits.
const censusTimeout = 5 * time.Second

// Collect implements prometheus.Collector. What cannot be counted is not shown.
func (c *Census) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), censusTimeout)
	defer cancel()
	states, conditions, err := c.counts.Census(ctx)
	if err != nil {
		c.log.WarnContext(ctx, "organizations could not be counted", "error", err)
	} else {
		for _, s := range []org.State{org.Pending, org.Ready, org.Degraded, org.Deleting} {
			to <- prometheus.MustNewConstMetric(organizations, prometheus.GaugeValue, float64(states[s]), string(s))
		}
		for _, of := range registry.ConditionTypes {
			to <- prometheus.MustNewConstMetric(unmet, prometheus.GaugeValue, float64(conditions[of]), string(of))
		}
	}
	n, since, err := c.backlog.Waiting(ctx)
	if err != nil {
		c.log.WarnContext(ctx, "jobs could not be counted", "error", err)
		return
	}
	to <- prometheus.MustNewConstMetric(queueDepth, prometheus.GaugeValue, float64(n))
	to <- prometheus.MustNewConstMetric(queueAge, prometheus.GaugeValue, max(0, time.Since(since).Seconds()))
}
