// Package catalogue keeps the list of what organizations have stored, in a database, so
// that nobody has to list S3.
//
// Invariants:
//   - An entry is written after its object was stored, never before: what the catalogue
//     has is there. What it lacks may be there all the same: it can be rebuilt.
//   - An entry is never changed, as artifacts are not, but for the storage backend: an
//     artifact is had from where it was stored last.
//   - No upload fails because of the catalogue, or waits for it longer than Config.Wait.
//   - What waits to be written is bounded, and what exceeds the bound is counted.
package catalogue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/backlog"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// ErrFull: as many entries wait for the database as may.
var ErrFull = errors.New("too many catalogue entries wait for the database")

// Entries is where the catalogue is kept.
type Entries interface {
	// AddArtifacts adds the entries that are missing, all or none, and leaves the others as
	// they are, but for the storage backend; registry.ErrNotFound when an organization does
	// not exist.
	AddArtifacts(ctx context.Context, artifacts []registry.Artifact) error
	// MissingArtifacts returns those of the digests that have no entry in a storage backend
	// that can be used.
	MissingArtifacts(ctx context.Context, id org.ID, digests []digest.Digest) ([]digest.Digest, error)
	// MisplacedArtifacts returns those that have no entry in the storage backend.
	MisplacedArtifacts(ctx context.Context, id org.ID, backend uuid.UUID, digests []digest.Digest) ([]digest.Digest, error)
}

// Objects describes what is stored. Its errors are those of a cas.Store.
type Objects interface {
	Stat(ctx context.Context, ref cas.Ref) (cas.Info, error)
}

// Config is what New needs. Zero durations and numbers are the defaults.
type Config struct {
	Entries Entries
	Objects Objects
	Log     *slog.Logger
	// Wait is how long an upload waits for its entry; 250 ms.
	Wait time.Duration
	// MaxQueue is how many entries wait for a database that is away; 16,384, which take
	// some 16 MiB at most. As many duplicates wait to be looked up.
	MaxQueue int
	// Attempt bounds one transaction, and Drain what is written at the end; 5 s each.
	Attempt, Drain time.Duration
	// Retry is the first pause after a failure, doubled to at most a hundred times; 50 ms.
	Retry time.Duration
}

// maxBatch bounds a transaction: with more, those who wait for its end wait longer, and
// nothing is won any more.
const maxBatch = 256

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		at       *time.Duration
		fallback time.Duration
	}{{&c.Wait, 250 * time.Millisecond}, {&c.Attempt, 5 * time.Second}, {&c.Drain, 5 * time.Second}, {&c.Retry, 50 * time.Millisecond}} {
		if *d.at == 0 {
			*d.at = d.fallback
		}
	}
	if c.MaxQueue == 0 {
		c.MaxQueue = 16_384
	}
	return c
}

// Catalogue writes entries in batches. It is safe for concurrent use; nothing is written
// unless Run runs.
type Catalogue struct {
	cfg        Config
	entries    *backlog.Queue[entry]
	duplicates *backlog.Queue[cas.Ref]
	stats      counters
}

type entry struct {
	registry.Artifact
	written chan struct{} // closed when it is
}

// New returns a catalogue on cfg.
func New(cfg Config) *Catalogue {
	cfg = cfg.withDefaults()
	return &Catalogue{cfg: cfg, entries: backlog.New[entry](cfg.MaxQueue), duplicates: backlog.New[cas.Ref](cfg.MaxQueue)}
}

// Stored is told of an upload that succeeded, before its client is. What it created is
// recorded. Of a duplicate it is not known here what the first uploader said, nor always
// its size: it is looked up later, and nobody waits for that.
func (c *Catalogue) Stored(ctx context.Context, ref cas.Ref, size int64, label cas.Label, created bool) {
	if !created {
		if !c.duplicates.Push(ref) {
			c.dropped(ctx, ref, "too many duplicates wait to be looked up")
		}
		return
	}
	_ = c.Record(ctx, registry.Artifact{ // counted and logged, and no fault of the upload
		Org: ref.Org, Digest: ref.Digest, Size: size, FileName: string(label.FileName),
		MediaType: label.MediaType.String(), Uploader: label.Uploader, StoredAt: time.Now(), Backend: ref.Backend,
	})
}

// Record adds an entry for an artifact that is stored, unless it has one. It returns when
// the entry is written, or after Config.Wait, or when ctx ends: in the latter cases the
// entry is written later. It fails with ErrFull if there is no room for it to wait.
func (c *Catalogue) Record(ctx context.Context, a registry.Artifact) error {
	e := entry{a, make(chan struct{})}
	if !c.entries.Push(e) {
		c.dropped(ctx, cas.Ref{Org: a.Org, Digest: a.Digest}, "too many entries wait for the database")
		return ErrFull
	}
	patience := time.NewTimer(c.cfg.Wait)
	defer patience.Stop()
	select {
	case <-e.written:
	case <-ctx.Done():
	case <-patience.C:
		c.stats.late.Add(1)
	}
	return nil
}

func (c *Catalogue) dropped(ctx context.Context, ref cas.Ref, why string) {
	c.stats.dropped.Add(1)
	c.cfg.Log.LogAttrs(ctx, slog.LevelError, "artifact is missing in the catalogue until it is rebuilt", slog.String("why", why),
		slog.String("org", ref.Org.String()), slog.String("digest", ref.Digest.String()))
}

// Run writes until ctx ends, and then what is left.
func (c *Catalogue) Run(ctx context.Context) error {
	var looking sync.WaitGroup
	looking.Go(func() {
		c.work(ctx, "looking duplicates up", func() int { return backlog.Run(ctx, c.writing(), c.duplicates, c.confirm) })
	})
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	// What the last duplicates lacked is still to be written.
	go func() { <-ctx.Done(); looking.Wait(); stop() }()
	c.work(ctx, "writing entries", func() int { return backlog.Run(writing, c.writing(), c.entries, c.write) })
	return nil
}

func (c *Catalogue) writing() backlog.Writing {
	return backlog.Writing{
		Batch: maxBatch, Attempt: c.cfg.Attempt, Drain: c.cfg.Drain, Retry: c.cfg.Retry,
		Failed: func(ctx context.Context, waiting int, err error) {
			c.stats.failures.Add(1)
			c.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "the catalogue is behind", slog.Int("waiting", waiting), slog.Any("error", err))
		},
	}
}

func (c *Catalogue) work(ctx context.Context, what string, until func() (left int)) {
	if left := until(); left > 0 {
		c.stats.dropped.Add(int64(left))
		c.cfg.Log.LogAttrs(ctx, slog.LevelError, "artifacts are missing in the catalogue until it is rebuilt",
			slog.String("why", "the server stopped "+what+" while the database was away"), slog.Int("artifacts", left))
	}
}

// write adds a batch of entries, and lets go who waits for them.
func (c *Catalogue) write(ctx context.Context, batch []entry) error {
	artifacts := make([]registry.Artifact, len(batch))
	for i, e := range batch {
		artifacts[i] = e.Artifact
	}
	err := c.cfg.Entries.AddArtifacts(ctx, artifacts)
	if errors.Is(err, registry.ErrNotFound) {
		err = c.writeSingly(ctx, artifacts)
	}
	if err != nil {
		return fmt.Errorf("writing %d entries: %w", len(batch), err)
	}
	c.stats.batches.Add(1)
	c.stats.written.Add(int64(len(batch)))
	for _, e := range batch {
		close(e.written)
	}
	return nil
}

// writeSingly finds the one whose organization is gone, which must not keep the others
// from being written.
func (c *Catalogue) writeSingly(ctx context.Context, artifacts []registry.Artifact) error {
	for _, a := range artifacts {
		err := c.cfg.Entries.AddArtifacts(ctx, []registry.Artifact{a})
		if errors.Is(err, registry.ErrNotFound) {
			c.dropped(ctx, cas.Ref{Org: a.Org, Digest: a.Digest}, "there is no such organization")
		} else if err != nil {
			return err
		}
	}
	return nil
}
