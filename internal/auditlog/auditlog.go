// Package auditlog writes audit records in batches, for those who cannot wait for the
// database: the data path, and whatever refuses strangers.
//
// Invariants:
//   - Whoever was promised a place can record what happened, however long the database is
//     away. When there is no place left, what would need one is refused.
//   - Nothing that was recorded is dropped while the process lives: a batch is tried again
//     until it is written. What cannot be written at the end, and what is recorded after it,
//     goes to the server's log.
//   - No chain takes the places of all others.
//   - What strangers are refused is counted, not listed: a flood of it costs a bounded
//     number of records.
package auditlog

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/backlog"
	"github.com/managedcas/managedcas/internal/problem"
)

// Store is where records are kept.
type Store interface {
	// AppendAudit appends events to their chains, in their order, all or none. Those that
	// are there already are left out.
	AppendAudit(ctx context.Context, events []audit.Event) error
}

// Config is what New needs. Zero durations and numbers are the defaults.
type Config struct {
	Store Store
	Log   *slog.Logger
	// MaxQueue is how many records wait for a database that is away, and are promised to
	// transfers that run, together; 8,192, which take some 12 MiB as transfers are.
	MaxQueue int
	// Gather is the pause between two batches; 50 ms. It is what a process that is killed
	// loses, together with the time that a batch takes.
	Gather time.Duration
	// Attempt bounds one transaction, and Drain what is written at the end; 5 s each.
	Attempt, Drain time.Duration
	// Retry is the first pause after a failure, doubled to at most a hundred times; 50 ms.
	Retry time.Duration
	// Window is how long refusals of strangers are counted before they are a record, and
	// Sources how many strangers have one of their own in that time; 30 s and 16.
	Window  time.Duration
	Sources int
	// Listed is how many refusals of somebody who is known have a record each in that time;
	// 100. Further ones are counted: a token is no way to fill a chain, or the disk.
	Listed int
}

// maxBatch bounds a transaction, and with it how long others wait for its chains.
const maxBatch = 256

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		at       *time.Duration
		fallback time.Duration
	}{
		{&c.Gather, 50 * time.Millisecond}, {&c.Attempt, 5 * time.Second}, {&c.Drain, 5 * time.Second},
		{&c.Retry, 50 * time.Millisecond}, {&c.Window, 30 * time.Second},
	} {
		if *d.at == 0 {
			*d.at = d.fallback
		}
	}
	if c.MaxQueue == 0 {
		c.MaxQueue = 8192
	}
	if c.Sources == 0 {
		c.Sources = 16
	}
	if c.Listed == 0 {
		c.Listed = 100
	}
	return c
}

// Log writes records. It is safe for concurrent use; nothing is written unless Run runs.
type Log struct {
	cfg    Config
	queue  *backlog.Queue[audit.Event]
	shares *shares
	counts counted
	stats  counters
	ended  atomic.Bool // Run has: nobody writes any more
}

// New returns a Log on cfg.
func New(cfg Config) *Log {
	cfg = cfg.withDefaults()
	return &Log{cfg: cfg, queue: backlog.New[audit.Event](cfg.MaxQueue), shares: newShares(cfg.MaxQueue), counts: counted{most: cfg.Sources, listed: cfg.Listed, tallies: map[key]*tally{}, known: map[knownKey]int{}}}
}

// ReasonFull is the reason of what is refused because it could not be recorded.
const ReasonFull = "AUDIT_LOG_FULL"

// retryFull: a database that is away stays so for more than a moment.
const retryFull = 10 * time.Second

func errFull() error {
	return problem.New(problem.Unavailable, "what happens cannot be recorded at the moment", "try again in a moment").
		WithReason(ReasonFull).WithRetryAfter(retryFull)
}

// Place is the promise that one event can be recorded.
type Place struct {
	log   *Log
	chain audit.Chain
	once  sync.Once
}

// Reserve promises a place for an event of a chain that is about to happen, or fails with a
// problem: then it must not.
func (l *Log) Reserve(chain audit.Chain) (*Place, error) {
	if !l.shares.take(chain) {
		l.stats.refused.Add(1)
		return nil, errFull()
	}
	if !l.queue.Reserve() {
		l.shares.give(chain)
		l.stats.refused.Add(1)
		return nil, errFull()
	}
	return &Place{log: l, chain: chain}, nil
}

// push has e written, if there is a place for it.
func (l *Log) push(e audit.Event) bool {
	if !l.shares.take(e.Chain) {
		return false
	}
	if !l.queue.Push(e) {
		l.shares.give(e.Chain)
		return false
	}
	return true
}

// Record has e written, soon. Only the first call of Record or Leave counts.
func (p *Place) Record(e audit.Event) {
	p.once.Do(func() {
		p.log.shares.give(p.chain)
		p.log.shares.force(e.Chain) // mostly the same
		p.log.queue.Fill(audit.New(e))
		p.log.afterTheEnd()
	})
}

// Leave gives the place back.
func (p *Place) Leave() {
	p.once.Do(func() {
		p.log.shares.give(p.chain)
		p.log.queue.Release()
	})
}

// Add has e written, soon, or fails if there is no place.
func (l *Log) Add(e audit.Event) error {
	if !l.push(audit.New(e)) {
		l.stats.refused.Add(1)
		return errFull()
	}
	l.afterTheEnd()
	return nil
}

// Denied records that something was refused. It never fails: what strangers are refused is
// counted, and what others are if it is very much, or there is no place for it.
func (l *Log) Denied(e audit.Event) {
	if e = audit.New(e); e.Kind == audit.Unknown || !l.counts.lists(e) || !l.push(e) {
		l.Count(e)
		return
	}
	l.afterTheEnd()
}

// Count adds e to those like it, which become one record.
func (l *Log) Count(e audit.Event) {
	l.stats.counted.Add(1)
	l.counts.add(audit.New(e))
	l.afterTheEnd()
}

// Run writes until ctx ends, and then what is left.
func (l *Log) Run(ctx context.Context) error {
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() {
		defer stop()
		l.flushEvery(ctx)
		for _, t := range l.counts.take() {
			e := t.event()
			l.shares.force(e.Chain)
			l.queue.Insist(e)
		}
	}()
	backlog.Run(writing, l.writing(), l.queue, l.write)
	l.ended.Store(true)
	l.afterTheEnd()
	return nil
}

// afterTheEnd leaves what is there when Run has ended to whoever keeps the server's log. It is
// called after everything that is recorded: of a transfer that is cut off at the end, Run may
// see the record no more, and who makes it that Run ends not yet, but not both.
func (l *Log) afterTheEnd() {
	if !l.ended.Load() {
		return
	}
	for _, t := range l.counts.take() {
		l.queue.Insist(t.event())
	}
	for _, e := range l.queue.Take() {
		l.stats.spilled.Add(1)
		text, _ := json.Marshal(audit.Record{Event: e}) // of texts, numbers and times alone
		l.cfg.Log.LogAttrs(context.Background(), slog.LevelError, "an audit record is here and not in the database, which was away when the server stopped, or closed already",
			slog.String("record", string(text)))
	}
}

func (l *Log) writing() backlog.Writing {
	return backlog.Writing{
		Batch: maxBatch, Gather: l.cfg.Gather, Attempt: l.cfg.Attempt, Drain: l.cfg.Drain, Retry: l.cfg.Retry,
		Failed: func(ctx context.Context, waiting int, err error) {
			l.stats.failures.Add(1)
			l.cfg.Log.LogAttrs(ctx, slog.LevelError, "the audit log is behind", slog.Int("waiting", waiting), slog.Any("error", err))
		},
	}
}

func (l *Log) write(ctx context.Context, batch []audit.Event) error {
	if err := l.cfg.Store.AppendAudit(ctx, batch); err != nil {
		return err
	}
	for _, e := range batch {
		l.shares.give(e.Chain)
	}
	l.stats.batches.Add(1)
	l.stats.written.Add(int64(len(batch)))
	return nil
}

// Stats count what a Log did since it was made.
type Stats struct {
	Queued   int   // records that wait for the database
	Reserved int   // places that are promised
	Written  int64 // records
	Batches  int64 // transactions
	Failures int64 // attempts that the database failed
	Refused  int64 // what was not let happen because there was no place
	Counted  int64 // refusals that share a record with others like them
	Spilled  int64 // records that went to the server's log at the end
}

type counters struct{ written, batches, failures, refused, counted, spilled atomic.Int64 }

// Stats returns the counts.
func (l *Log) Stats() Stats {
	s := &l.stats
	return Stats{
		Queued: l.queue.Len(), Reserved: l.queue.Reserved(), Written: s.written.Load(), Batches: s.batches.Load(),
		Failures: s.failures.Load(), Refused: s.refused.Load(), Counted: s.counted.Load(), Spilled: s.spilled.Load(),
	}
}
