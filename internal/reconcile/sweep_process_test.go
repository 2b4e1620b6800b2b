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
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/purge"
	"github.com/managedcas/managedcas/internal/reconcile"
	"github.com/managedcas/managedcas/internal/secretstore"
)

// process is a replica of the backend with ways of its own to AWS and to the database, on
// which one call can go wrong. What it knows, it has from these two.
type process struct {
	w      *world
	ctx    *ending
	gate   *gate // if set, job fetches pass through it
	script script
	dead   atomic.Bool
	death  atomic.Int64
	relay  *databasetest.Relay
	db     *database.DB

	jobs       *jobs.Workers
	reconciler *reconcile.Reconciler
	purger     *purge.Purger
	working    sync.WaitGroup

	// about, if set, is the only organization whose calls count.
	about  org.ID
	mu     sync.Mutex
	within map[int]bool // connections in a transaction; true: about it
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
	p.jobs = jobs.NewWorkers(p.db.Queue(), p.db, log)
	p.reconciler = reconcile.New(reconcile.Config{
		Installation: w.in, AccessPoints: aws, Policies: aws, Roles: aws, Listings: aws, Memory: p.db,
		Organizations: p.db, Secrets: secretstore.NewDatabase(p.db), Standing: p.db, Retention: &retention,
		Interval: time.Hour, Jobs: p.jobs, Log: log,
	})
	p.purger = purge.New(purge.Config{
		Installation: w.in, Records: p.db, AccessPoints: aws, Storage: aws, Batches: rate.Inf, Now: func() time.Time { return time.Now().Add(late) },
	})
	return p
}

// kill ends the process: nothing that it does from now on reaches anybody.
func (p *process) kill() {
	p.death.Store(time.Now().UnixNano())
	p.dead.Store(true)
	p.relay.Cut()
	p.ctx.end(context.Canceled)
}

func (p *process) died() time.Time { return time.Unix(0, p.death.Load()) }

// close ends it in order, or clears up after it.
func (p *process) close(t *testing.T) {
	t.Helper()
	if err := p.db.Close(); err != nil && !p.dead.Load() {
		t.Error(err)
	}
	p.relay.Cut()
}

// gate holds a process's requests for jobs up while it is shut. The process goes on to say
// that it lives.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // nil: it is open
	held chan struct{} // gets one for each request that waits
}

func newGate() *gate { return &gate{held: make(chan struct{}, 1)} }

// pass waits while the gate is shut.
func (g *gate) pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut == nil {
		return
	}
	g.held <- struct{}{}
	<-shut
}

// close returns when a request waits: then no other is on its way.
func (g *gate) close(t *testing.T) {
	t.Helper()
	g.mu.Lock()
	g.shut = make(chan struct{})
	g.mu.Unlock()
	select {
	case <-g.held:
	case <-time.After(long):
		t.Fatal("the other replica asks for no jobs")
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}
