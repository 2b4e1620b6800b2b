package direct

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

const (
	// sweepEvery is the time between two looks for uploads that nobody confirmed.
	sweepEvery = time.Minute
	// batch is how many are read at once.
	batch = 100
	// grace is what the clocks of S3 and this process may be apart by.
	grace = 15 * time.Second
	// lookAgain is when an upload that could not be looked at is tried again; until then no
	// other process takes it up.
	lookAgain = 10 * time.Minute
	// giveUp is how long that goes on after the last moment. What was stored stays, and can be read.
	giveUp = 7 * 24 * time.Hour
)

// Run looks for uploads that nobody confirmed until ctx ends. Every process may: each
// upload is looked at by one.
func (t *Transfers) Run(ctx context.Context) error {
	// Processes that start together do not sweep together.
	wait := rand.N(sweepEvery)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = sweepEvery
		if err := t.Sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			t.cfg.Log.LogAttrs(ctx, slog.LevelError, "looking for unconfirmed uploads failed", slog.Any("error", err))
		}
	}
}

// Sweep looks at every upload whose time has come. What has arrived is recorded; what has
// not, and no longer can, is forgotten.
func (t *Transfers) Sweep(ctx context.Context, now time.Time) error {
	for {
		// Records that cannot be read keep nobody from the others.
		due, unread := t.cfg.Records.DueDirectUploads(ctx, now, batch)
		for _, u := range due {
			if err := t.look(ctx, u, now); err != nil {
				return errors.Join(unread, err)
			}
		}
		// Each of them is gone or postponed.
		if len(due) < batch {
			return unread
		}
	}
}

// look finds out what became of an upload. Its error is that of the records alone: one
// organization whose storage is broken does not keep the others waiting.
func (t *Transfers) look(ctx context.Context, u registry.DirectUpload, now time.Time) error {
	next := now.Add(lookAgain)
	switch err := t.cfg.Records.PostponeDirectUpload(ctx, u, next); {
	case errors.Is(err, registry.ErrNotFound):
		return nil // another process has it
	case err != nil:
		return err
	}
	u.LookAt = next
	_, err := t.settle(ctx, u)
	last := u.ExpiresAt.Add(t.cfg.Longest + grace)
	switch {
	case err == nil, ctx.Err() != nil:
		return nil
	case errors.Is(err, cas.ErrNotFound) && now.Before(last):
		return ignoreGone(t.cfg.Records.PostponeDirectUpload(ctx, u, last)) // it may still be on its way
	case errors.Is(err, cas.ErrNotFound):
		return t.forget(ctx, u, slog.LevelInfo, "direct upload never came", nil)
	case problem.KindOf(cas.Problem(err)) == problem.Precondition:
		return t.forget(ctx, u, slog.LevelInfo, "direct upload of an organization that is gone", nil)
	case errors.Is(err, cas.ErrCorrupt):
		return t.forget(ctx, u, slog.LevelError, "direct upload is not what its address says", err)
	case now.Sub(last) > giveUp:
		return t.forget(ctx, u, slog.LevelError, "direct upload could not be looked at", err)
	}
	t.log(ctx, slog.LevelWarn, "direct upload is looked at later", cas.Ref{Org: u.Org, Digest: u.Digest}, slog.Any("error", err))
	return nil
}

func (t *Transfers) forget(ctx context.Context, u registry.DirectUpload, level slog.Level, why string, cause error) error {
	t.log(ctx, level, why, cas.Ref{Org: u.Org, Digest: u.Digest}, slog.Any("error", cause))
	return ignoreGone(t.cfg.Records.RemoveDirectUpload(ctx, u.Org, u.Digest))
}

// ignoreGone: a client may confirm meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, registry.ErrNotFound) {
		return nil
	}
	return err
}
