package ownbucket

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/managedcas/managedcas/internal/registry"
)

// Records keeps what is known of the buckets.
type Records interface {
	// DueBackends returns backends that are to be validated at now, each to one who asks.
	DueBackends(ctx context.Context, now, then time.Time, limit int) ([]registry.Backend, error)
	// RecordValidation writes down what a validation found; registry.ErrConflict when the
	// bucket is another by now.
	RecordValidation(ctx context.Context, b registry.Backend, finding string, at, next time.Time) error
}

const (
	// Interval is the time between two validations of a bucket, less up to a fifth.
	Interval = time.Hour
	// look is the time between two looks at what is due, and atOnce how many are taken then.
	look   = 15 * time.Second
	atOnce = 20
	// retry is when a bucket is tried again that could not be.
	retry = 5 * time.Minute
)

// Next is when a bucket that was validated at t is validated again. What was created
// together is not validated together for ever.
func Next(t time.Time) time.Time { return t.Add(Interval - rand.N(Interval/5)) }

// Watch validates buckets again and again until ctx ends.
func (v *Validator) Watch(ctx context.Context, records Records, log *slog.Logger) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if err := v.Pass(ctx, records, time.Now(), log); err != nil && ctx.Err() == nil {
			log.LogAttrs(ctx, slog.LevelWarn, "own buckets could not be validated", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Pass validates what is due at now.
func (v *Validator) Pass(ctx context.Context, records Records, now time.Time, log *slog.Logger) error {
	due, err := records.DueBackends(ctx, now, now.Add(retry), atOnce)
	if err != nil {
		return err
	}
	var failures []error
	for _, b := range due {
		finding, err := v.validate(ctx, b.Org, b.Bucket)
		if ctx.Err() != nil {
			return ctx.Err() // whatever it said, it was not the bucket
		}
		if err != nil {
			log.LogAttrs(ctx, slog.LevelWarn, "an own bucket could not be validated", slog.String("org", b.Org.String()), slog.String("backend", b.ID.String()), slog.Any("error", err))
			continue
		}
		at := time.Now()
		if err := records.RecordValidation(ctx, b, finding, at, Next(at)); err != nil && !errors.Is(err, registry.ErrConflict) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}
