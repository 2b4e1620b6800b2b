//go:build long

package reconcile_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/reconcile"
)

// TestQueueThroughput makes organizations by way of their jobs, in one process whose rates
// are lifted: docs/reconciler.md has its figures. An AWS that answers after a while shows
// how many workers it takes; without probes, what jobs and the database cost.
func TestQueueThroughput(t *testing.T) {
	for _, row := range []struct {
		engine  string
		n       int
		probed  bool
		latency int // of every call, in milliseconds
	}{
		{"sqlite", 400, false, 0}, {"postgres", 400, false, 0},
		{"sqlite", 100, true, 0}, {"postgres", 100, true, 0},
		{"postgres", 60, true, 50}, {"postgres", 200, false, 50},
	} {
		t.Run(fmt.Sprintf("%s, probed %t, %d ms", row.engine, row.probed, row.latency), func(t *testing.T) {
			w := newWorldOn(t, databasetest.Target(t, row.engine), func(c *emulator.Config) { c.Policies, c.AccessPoints = row.n+100, row.n+100 })
			for range row.n {
				w.organization(t)
			}
			var plan faults.Plan
			if row.latency > 0 {
				plan.Rules = []faults.Rule{{Kind: faults.Latency, DelayMS: row.latency}}
			}
			if err := w.aws.Faults().Replace(plan); err != nil {
				t.Fatal(err)
			}
			w.aws.Journal().Clear()
			calls := &counted{w: w}
			began, worked := time.Now(), cpu(t)
			start(t, w.hasty(t, time.Hour, func(cfg *reconcile.Config) {
				if row.probed {
					cfg.Prober = w.prober(t)
				}
			}))
			tick := time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
			for ready := 0; ready < row.n; <-tick.C {
				calls.count()
				states, _, err := w.db.Census(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				ready = states[org.Ready]
			}
			took := time.Since(began)
			t.Logf("%d organizations in %s, %.1f a second, %s of CPU each, %.2f calls each", row.n, took.Round(time.Millisecond),
				float64(row.n)/took.Seconds(), ((cpu(t) - worked) / time.Duration(row.n)).Round(10*time.Microsecond), float64(calls.made)/float64(row.n))
		})
	}
}
