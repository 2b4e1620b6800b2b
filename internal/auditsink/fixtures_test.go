package auditsink_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auditsink"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
)

func TestMain(m *testing.M) { databasetest.Main(m, database.Migrate) }

func open(t *testing.T, target string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// happened appends n records to each chain.
func happened(t *testing.T, db *database.DB, n int, chains ...audit.Chain) {
	t.Helper()
	var events []audit.Event
	for i := range n {
		for _, c := range chains {
			events = append(events, audit.New(audit.Event{Chain: c, Time: time.Now(), Action: audit.ArtifactUpload, Object: fmt.Sprint(i)}))
		}
	}
	if err := db.AppendAudit(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

func chains(n int) []audit.Chain {
	all := []audit.Chain{audit.Installation}
	for range n - 1 {
		all = append(all, audit.Of(org.NewID()))
	}
	return all
}

// quick is soon back, and patient with sinks and the database: others compute beside it.
func quick(db auditsink.Store, sinks ...auditsink.Named) auditsink.Config {
	return auditsink.Config{Store: db, Sinks: sinks, Log: slog.New(slog.DiscardHandler), Poll: 5 * time.Millisecond,
		Timeout: time.Minute, Lease: 3 * time.Minute, Retry: time.Millisecond, MaxRetry: 20 * time.Millisecond}
}

// impatient gives an attempt up when hung has something: as Timeout does, when the sink has the
// request for sure, and no attempt of a busy machine besides.
type impatient struct {
	auditsink.Sink
	hung chan struct{}
}

func (s impatient) Send(ctx context.Context, items []auditsink.Item) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.hung:
			cancel()
		case <-ctx.Done():
		}
	}()
	return s.Sink.Send(ctx, items)
}

// hang takes a request and does not answer, until the other side has given it up.
func hang(r *http.Request, hung chan<- struct{}) {
	hung <- struct{}{}
	<-r.Context().Done()
}

// deliver runs deliveries until stop, which waits for their end.
func deliver(t *testing.T, d *auditsink.Deliveries) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = d.Run(ctx) }() // always nil
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

// receiver is somebody's server: it takes what it confirmed, and notes what comes when.
type receiver struct {
	*httptest.Server

	mu       sync.Mutex
	heads    map[audit.Chain]audit.Head // what it has, verified
	attempts []time.Time
	repeated int
	changed  chan struct{}
}

// receive has answer decide about every attempt, counted from 1; true: it is confirmed.
// Lines reads the records of a request.
func receive(t *testing.T, lines func(*http.Request) ([]audit.Record, error), answer func(n int, w http.ResponseWriter, r *http.Request) bool) *receiver {
	t.Helper()
	rc := &receiver{heads: map[audit.Chain]audit.Head{}, changed: make(chan struct{}, 10_000)}
	rc.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		records, err := lines(r)
		if err != nil {
			t.Errorf("a request that cannot be read: %v", err)
		}
		rc.mu.Lock()
		rc.attempts = append(rc.attempts, time.Now())
		n := len(rc.attempts)
		rc.mu.Unlock()
		if !answer(n, w, r) {
			return
		}
		rc.mu.Lock()
		defer rc.mu.Unlock()
		for _, record := range records {
			head, known := rc.heads[record.Chain]
			if !known {
				head = audit.Begin(record.Chain)
			}
			if record.Seq <= head.Seq { // at least once
				rc.repeated++
				continue
			}
			v := audit.NewVerifier(record.Chain, head)
			if err := v.Next(record); err != nil {
				t.Errorf("lost, or out of order: %v", err)
			}
			rc.heads[record.Chain] = v.Head()
		}
		rc.changed <- struct{}{}
	}))
	t.Cleanup(rc.Close)
	return rc
}

func always(int, http.ResponseWriter, *http.Request) bool { return true }

// has waits until the receiver has n records of each chain.
func (rc *receiver) has(t *testing.T, n int64, chains ...audit.Chain) {
	t.Helper()
	for {
		rc.mu.Lock()
		missing := 0
		for _, c := range chains {
			if rc.heads[c].Seq < n {
				missing++
			}
		}
		rc.mu.Unlock()
		if missing == 0 {
			return
		}
		select {
		case <-rc.changed:
		case <-t.Context().Done():
			t.Fatalf("%d chains are behind", missing)
		case <-time.After(2 * time.Minute):
			t.Fatalf("%d chains are behind after two minutes", missing)
		}
	}
}

func (rc *receiver) tries() []time.Time {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return append([]time.Time(nil), rc.attempts...)
}
