package reconcile_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/jobs"
	"github.com/managedcas/managedcas/internal/purge"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/secretstore"
)

// process is a replica of the backend with ways of its own to AWS and to the database, on
// which one call can go wrong. What it knows, it has from these two.
type process struct {
	w      *world
	ctx    *ending
	script script
	dead   atomic.Bool
	relay  *databasetest.Relay
	db     *database.DB

	reconciler *reconcile.Reconciler
	purger     *purge.Purger

	// about and aboutID, if set, are how calls of AWS and statements name the only
	// organization whose calls count.
	about, aboutID string
	mu             sync.Mutex
	within         map[int]bool // connections in a transaction about it
}

// process starts one. Its purger is later than others by late.
func (w *world) process(t *testing.T, target string, retention, late time.Duration) *process {
	t.Helper()
	p := &process{w: w, ctx: newEnding(t.Context()), within: map[int]bool{}}
	p.relay = databasetest.NewRelay(t, target, p.judge)
	var err error
	if p.db, err = database.Open(t.Context(), p.relay.URL); err != nil {
		t.Fatal(err)
	}
	aws := w.unpaced(t, w.identity, p)
	if err := aws.SignedIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	p.reconciler = reconcile.New(reconcile.Config{
		Installation: w.in, AccessPoints: aws, Policies: aws, Roles: aws, Listings: aws, Memory: p.db,
		Organizations: p.db, Secrets: secretstore.NewDatabase(p.db), Standing: p.db, Retention: &retention,
		Interval: time.Hour, Jobs: jobs.NewWorkers(p.db.Queue(), p.db, log), Log: log,
	})
	p.purger = purge.New(purge.Config{
		Installation: w.in, Records: p.db, AccessPoints: aws, Storage: aws, Batches: rate.Inf, Now: func() time.Time { return time.Now().Add(late) },
	})
	return p
}

// kill ends the process: nothing that it does from now on reaches anybody.
func (p *process) kill() {
	p.dead.Store(true)
	p.relay.Cut()
	p.ctx.end(context.Canceled)
}

// close ends it in order, or clears up after it.
func (p *process) close(t *testing.T) {
	t.Helper()
	if err := p.db.Close(); err != nil && !p.dead.Load() {
		t.Error(err)
	}
	p.relay.Cut()
}
