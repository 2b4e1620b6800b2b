package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/managedcas/managedcas/internal/registry"
)

// A worker says every beatInterval that it lives. Whoever sees another silent for deadAfter
// takes its jobs; a worker that could not say so for aliveFor stops its own, and has the
// difference to do it in. Each measures time by its own clock, and only how much of it
// passes: clocks that disagree do no harm.
const (
	beatInterval = time.Second
	aliveFor     = 3 * time.Second
	deadAfter    = 6 * time.Second
)

var errSilent = errors.New("the database was out of reach for too long")

// sighting is when a worker's count was last seen to change.
type sighting struct {
	beat int64
	at   time.Time
}

// live says that the worker lives and watches the others until ctx ends (nil) or it has
// to stop.
func (w *Workers) live(ctx context.Context, id string) error {
	tick := time.NewTicker(beatInterval)
	defer tick.Stop()
	seen := map[string]sighting{}
	last := time.Now()
	for {
		began := time.Now()
		try, cancel := context.WithDeadline(ctx, last.Add(aliveFor))
		err := w.store.Beat(try, id)
		if err == nil {
			last = began // not later: what counts is when the others could see it
			err = w.watch(try, id, seen)
		}
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, registry.ErrNotFound):
			return fmt.Errorf("this worker was given up by the others: %w", err)
		case time.Since(last) >= aliveFor:
			return errors.Join(errSilent, err)
		case err != nil:
			w.log.WarnContext(ctx, "a worker could not say that it lives; it will try again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// watch takes over from workers whose count stands still, or that are not registered.
func (w *Workers) watch(ctx context.Context, self string, seen map[string]sighting) error {
	var beats map[string]int64
	var running []*rivertype.JobRow
	err := w.store.Transact(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		if beats, err = w.store.Workers(ctx, tx); err != nil {
			return err
		}
		running, err = w.running(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, job := range running {
		if _, registered := beats[ownerOf(job)]; !registered {
			beats[ownerOf(job)] = 0 // it will not count any further
		}
	}
	now := time.Now()
	for id, beat := range beats {
		if before, known := seen[id]; !known || before.beat != beat {
			seen[id] = sighting{beat, now}
		}
	}
	for id, sight := range seen {
		_, there := beats[id]
		switch {
		case !there:
			delete(seen, id)
		case id != self && now.Sub(sight.at) >= deadAfter:
			w.log.WarnContext(ctx, "another worker is silent; its jobs are taken over", "worker", id, "silent", now.Sub(sight.at))
			if err := w.takeOver(ctx, id); err != nil {
				return err
			}
			delete(seen, id)
		}
	}
	return nil
}

// takeOver removes a worker and lets others have its jobs, in one transaction: of two
// that take over, the second finds nothing.
func (w *Workers) takeOver(ctx context.Context, id string) error {
	return w.store.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := w.store.RemoveWorker(ctx, tx, id); err != nil {
			return err
		}
		running, err := w.running(ctx, tx)
		if err != nil {
			return err
		}
		rescue := &riverdriver.JobRescueManyParams{StuckHorizon: horizon()}
		now := time.Now().UTC()
		for _, job := range running {
			if ownerOf(job) != id {
				continue
			}
			note, err := json.Marshal(rivertype.AttemptError{At: now, Attempt: job.Attempt, Error: "the worker ended"})
			if err != nil {
				return err
			}
			rescue.ID = append(rescue.ID, job.ID)
			rescue.Error = append(rescue.Error, note)
			rescue.FinalizedAt = append(rescue.FinalizedAt, nil)
			rescue.ScheduledAt = append(rescue.ScheduledAt, now.Add(-time.Minute)) // whatever the database's clock says
			rescue.State = append(rescue.State, string(rivertype.JobStateAvailable))
		}
		if len(rescue.ID) == 0 {
			return nil
		}
		_, err = w.queue.driver.UnwrapExecutor(tx).JobRescueMany(ctx, rescue)
		return err
	})
}

// maxRunning bounds how many running jobs are looked at together: 250 processes of sixteen.
const maxRunning = 4000

// running returns the jobs that run. It is how River's own rescuer asks, which gives
// jobs up by their age alone.
func (w *Workers) running(ctx context.Context, tx *sql.Tx) ([]*rivertype.JobRow, error) {
	return w.queue.driver.UnwrapExecutor(tx).JobGetStuck(ctx, &riverdriver.JobGetStuckParams{Max: maxRunning, StuckHorizon: horizon()})
}

// horizon is later than any job began.
func horizon() time.Time { return time.Now().UTC().Add(24 * time.Hour) }

func ownerOf(job *rivertype.JobRow) string {
	if len(job.AttemptedBy) == 0 {
		return ""
	}
	return job.AttemptedBy[len(job.AttemptedBy)-1]
}
