// Package auditsink tells others of audit records: webhooks, and collectors that speak
// OTLP.
//
// Invariants:
//   - A sink is told of every record, at least once; of each chain in its order. Where it
//     goes on is kept in the database, and moves only behind what the sink has confirmed.
//   - A chain of which somebody removed a record ends there, and keeps back no other.
//   - One process tells a sink at a time. What it is at takes less time than it may go on
//     undisturbed.
//   - A sink that fails, hangs or refuses delays itself and no other.
package auditsink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/registry"
)

// Item is a record, and the line of JSON that it is.
type Item struct {
	audit.Record
	Line []byte
}

// Sink is somebody who wants to know.
type Sink interface {
	// Send returns nil when the sink has all of the items. It is given up after a while,
	// and then called again with the same ones, or more.
	Send(ctx context.Context, items []Item) error
}

// Store keeps records, and how far each sink has been told.
type Store interface {
	LeaseSink(ctx context.Context, sink, holder string, lease time.Duration) (bool, error)
	LeaveSink(ctx context.Context, sink, holder string) error
	UntoldChains(ctx context.Context, sink string, after audit.Chain, limit int) ([]audit.Untold, error)
	AuditRecords(ctx context.Context, chain audit.Chain, first, last int64, q audit.Query) ([]audit.Record, error)
	// SinkTold fails with registry.ErrConflict when another process tells the sink by now.
	SinkTold(ctx context.Context, sink, holder string, told map[audit.Chain]int64) error
	SinkLag(ctx context.Context, sink string) (int64, error)
}

// Named is a sink of the configuration.
type Named struct {
	Name string
	Sink Sink
}

// Config is what New needs. Zero durations are the defaults.
type Config struct {
	Store Store
	Sinks []Named
	Log   *slog.Logger
	// Poll is the pause when there is nothing to tell; 1 s.
	Poll time.Duration
	// Timeout is how long a sink may take for a batch, and the database to write down that it
	// has it; 10 s each. Lease is how long a process that is gone keeps others waiting, longer
	// than both together; 30 s.
	Timeout, Lease time.Duration
	// Retry is the first pause after a failure, doubled up to MaxRetry, which also bounds
	// what a sink may ask for; 1 s and 5 min.
	Retry, MaxRetry time.Duration
}

// The bounds of a batch: a chain that is busy leaves room for others.
const (
	maxItems   = 500
	maxBytes   = 1 << 20
	perChain   = 250
	chainsPage = 100
)

// RetryAfterError is a failure after which the sink wants to be left alone for a while.
type RetryAfterError struct {
	Err   error
	After time.Duration
}

func (e *RetryAfterError) Error() string { return e.Err.Error() }

// Unwrap returns the failure itself.
func (e *RetryAfterError) Unwrap() error { return e.Err }

// Deliveries tells the sinks.
type Deliveries struct {
	cfg    Config
	holder string // this process
	each   []*delivery
}

// New returns Deliveries on cfg.
func New(cfg Config) *Deliveries {
	for _, d := range []struct {
		at       *time.Duration
		fallback time.Duration
	}{{&cfg.Poll, time.Second}, {&cfg.Timeout, 10 * time.Second}, {&cfg.Lease, 30 * time.Second}, {&cfg.Retry, time.Second}, {&cfg.MaxRetry, 5 * time.Minute}} {
		if *d.at == 0 {
			*d.at = d.fallback
		}
	}
	all := &Deliveries{cfg: cfg, holder: uuid.NewString()}
	for _, sink := range cfg.Sinks {
		all.each = append(all.each, &delivery{Config: cfg, Named: sink, holder: all.holder})
	}
	return all
}

// Run tells all sinks until ctx ends.
func (d *Deliveries) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, one := range d.each {
		all.Go(func() { one.run(ctx) })
	}
	all.Wait()
	<-ctx.Done() // without a sink there is nothing to do, which is no end
	return nil
}

// delivery tells one sink.
type delivery struct {
	Config
	Named
	holder  string
	stats   stats
	missing map[audit.Chain]int64 // the record that each chain lacks, of those that lack one
}

func (d *delivery) run(ctx context.Context) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.Timeout)
		defer cancel()
		if err := d.Store.LeaveSink(ctx, d.Name, d.holder); err != nil { // its lease ends by itself
			d.Log.LogAttrs(ctx, slog.LevelWarn, "an audit sink could not be left", slog.String("sink", d.Name), slog.Any("error", err))
		}
	}()
	for failures := 0; ctx.Err() == nil; {
		more, err := d.round(ctx)
		wait := d.Poll
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, registry.ErrConflict): // another process has taken over
		case err != nil:
			failures++
			d.stats.failures.Add(1)
			wait = d.pause(failures, err)
			d.Log.LogAttrs(ctx, slog.LevelWarn, "an audit sink is behind", slog.String("sink", d.Name), slog.Any("error", err), slog.Duration("again", wait))
		case more:
			failures = 0
			continue
		default:
			failures = 0
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// pause is how long to wait after a failure: as the sink says, or longer each time, with
// some chance in it.
func (d *delivery) pause(failures int, err error) time.Duration {
	longest := min(d.Retry<<min(failures-1, 20), d.MaxRetry)
	wait := longest/2 + rand.N(longest/2+1)
	if asked, ok := errors.AsType[*RetryAfterError](err); ok {
		wait = min(max(wait, asked.After), d.MaxRetry)
	}
	return wait
}

// round tells what the sink does not know yet of every chain once, if this process is the
// one to do so, and reports whether there was something.
func (d *delivery) round(ctx context.Context) (told bool, err error) {
	var batch batch
	for after := audit.Chain(""); ; {
		mine, err := d.Store.LeaseSink(ctx, d.Name, d.holder, d.Lease)
		if err != nil || !mine {
			return false, err
		}
		chains, err := d.Store.UntoldChains(ctx, d.Name, after, chainsPage)
		if err != nil {
			return told, err
		}
		for _, c := range chains {
			after = c.Chain
			records, err := d.Store.AuditRecords(ctx, c.Chain, c.Told+1, c.Last, audit.Query{Limit: perChain})
			if err != nil {
				return told, err
			}
			if records = consecutive(records, c.Told+1); len(records) == 0 {
				d.lacks(ctx, c.Chain, c.Told+1)
				continue
			}
			told = true
			for _, r := range records {
				line, err := json.Marshal(r)
				if err != nil {
					return told, err
				}
				if batch.full(len(line)) {
					if err := d.send(ctx, &batch); err != nil {
						return told, err
					}
				}
				batch.add(Item{r, line})
			}
		}
		if len(chains) < chainsPage {
			return told, d.send(ctx, &batch)
		}
	}
}

// consecutive returns the records up to the first that is missing, of those from first on.
func consecutive(records []audit.Record, first int64) []audit.Record {
	for i, r := range records {
		if r.Seq != first+int64(i) {
			return records[:i]
		}
	}
	return records
}

// lacks says, once, that a record is missing, and with it the rest of its chain: somebody
// removed it. The other chains are told all the same.
func (d *delivery) lacks(ctx context.Context, chain audit.Chain, seq int64) {
	if d.missing[chain] == seq {
		return
	}
	if d.missing == nil {
		d.missing = map[audit.Chain]int64{}
	}
	d.missing[chain] = seq
	d.stats.failures.Add(1)
	d.Log.LogAttrs(ctx, slog.LevelError, "a record of the audit log is missing, and its sink is not told of those behind it: see managedcasd audit verify",
		slog.String("sink", d.Name), slog.String("chain", string(chain)), slog.Int64("seq", seq))
}

// batch is what is sent together: of several chains, of each in its order.
type batch struct {
	items []Item
	bytes int
	told  map[audit.Chain]int64
}

func (b *batch) full(more int) bool {
	return len(b.items) >= maxItems || len(b.items) > 0 && b.bytes+more+1 > maxBytes
}

func (b *batch) add(i Item) {
	if b.told == nil {
		b.told = map[audit.Chain]int64{}
	}
	b.items, b.bytes, b.told[i.Chain] = append(b.items, i), b.bytes+len(i.Line)+1, i.Seq
}

// send has the lease renewed first: it outlives what the sink and the database may take.
func (d *delivery) send(ctx context.Context, b *batch) error {
	if len(b.items) == 0 {
		return nil
	}
	mine, err := d.Store.LeaseSink(ctx, d.Name, d.holder, d.Lease)
	if err == nil && !mine {
		err = registry.ErrConflict
	}
	if err != nil {
		return err
	}
	// An attempt ends by itself even when the process stops: what is cut off comes again.
	attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.Timeout)
	defer cancel()
	if err := d.Sink.Send(attempt, b.items); err != nil {
		return fmt.Errorf("send %d records: %w", len(b.items), err)
	}
	d.stats.records.Add(int64(len(b.items)))
	telling, done := context.WithTimeout(context.WithoutCancel(ctx), d.Timeout)
	defer done()
	if err := d.Store.SinkTold(telling, d.Name, d.holder, b.told); err != nil {
		return err
	}
	*b = batch{}
	return nil
}
