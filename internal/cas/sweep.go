package cas

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
)

const (
	// sweepPage is how many uploads are looked at in one go.
	sweepPage = 100
	// sweepClaim is how long an upload that is being aborted is left alone by others; one
	// that S3 did not abort is tried again afterwards.
	sweepClaim = 5 * time.Minute
	// sweepAtOnce is how many aborts may be on their way, each for abortTimeout at most.
	sweepAtOnce = 8
	// sweepNamed is how many failures of a sweep are described; the others are counted.
	sweepNamed = 5
)

// UploadStats counts uploads in parts. Open is of all processes, as of the last sweep.
type UploadStats struct {
	Open, Swept, Failures int64
}

type sweeps struct{ open, swept, failures atomic.Int64 }

// UploadStats returns the counts.
func (s *Store) UploadStats() UploadStats {
	return UploadStats{Open: s.sweeps.open.Load(), Swept: s.sweeps.swept.Load(), Failures: s.sweeps.failures.Load()}
}

// Sweep aborts the uploads that have expired: what a crash has left, and what no client
// came back for. Several processes may sweep at once: an upload is one's. It looks for
// what had expired when it began: what it has claimed is not claimed again, however long
// it takes.
func (s *Store) Sweep(ctx context.Context) error {
	begun := s.cfg.Now()
	var failed failures
	for {
		expired, err := s.cfg.Ledger.ExpiredUploads(ctx, begun, sweepPage)
		if err != nil { // of all, or of some that cannot be read
			s.sweeps.failures.Add(1)
			failed.add(err)
		}
		moved := s.sweepAll(ctx, expired, &failed)
		if ctx.Err() != nil {
			failed.add(ctx.Err())
			return failed.err()
		}
		// Those of this page are claimed or gone, or else the next one is the same.
		if len(expired) < sweepPage || moved == 0 {
			break
		}
	}
	open, err := s.cfg.Ledger.CountUploads(ctx)
	if err != nil {
		failed.add(err)
		return failed.err()
	}
	s.sweeps.open.Store(open)
	return failed.err()
}

// sweepAll sweeps several at a time, and returns how many are no longer what they were.
func (s *Store) sweepAll(ctx context.Context, expired []registry.Upload, failed *failures) int64 {
	var moved atomic.Int64
	var group errgroup.Group
	group.SetLimit(sweepAtOnce)
	for _, u := range expired {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			claimed, err := s.sweep(ctx, u)
			if claimed {
				moved.Add(1)
			}
			if err != nil {
				s.sweeps.failures.Add(1)
				failed.add(err)
			}
			return nil
		})
	}
	_ = group.Wait() // what failed is in failed
	return moved.Load()
}

// sweep aborts one upload, and reports whether it, or somebody else, has claimed it.
func (s *Store) sweep(ctx context.Context, u registry.Upload) (claimed bool, err error) {
	now := s.cfg.Now()
	err = s.cfg.Ledger.TakeUpload(ctx, u, now, now.Add(sweepClaim))
	if errors.Is(err, registry.ErrConflict) {
		return true, nil // it is another sweeper's, or its client is back
	}
	if err != nil {
		return false, err
	}
	u.Generation++
	if err := s.abortSwept(ctx, u); err != nil {
		return true, fmt.Errorf("sweeping upload %s of organization %s: %w", u.ID, u.Org, err)
	}
	if err := s.cfg.Ledger.DeleteUpload(ctx, u); err != nil {
		return true, err
	}
	s.sweeps.swept.Add(1)
	return true, nil
}

// abortSwept uses the organization's own session, which may abort uploads of its own
// keys. Of an organization that has none any more, or not that bucket, or one that cannot
// be used, the parts are left to the bucket's lifecycle rule: nobody else may abort them.
func (s *Store) abortSwept(ctx context.Context, u registry.Upload) error {
	within, cancel := context.WithTimeout(ctx, sweepClaim/2)
	defer cancel()
	lease, err := s.lease(within, u.Org, u.Backend)
	if errors.Is(err, registry.ErrNotFound) || errors.Is(err, session.ErrNoBackend) || errors.Is(err, session.ErrBackend) {
		return nil
	}
	if err != nil {
		return err
	}
	err = lease.abort(within, lease.session.Tenant.ObjectKey(u.Digest), u.StorageID)
	if errors.Is(err, cloud.ErrDenied) || errors.Is(err, cloud.ErrExpired) {
		sess, _ := lease.current()
		s.note(u.Org, sess, err)
	}
	return err
}

// SweepEvery sweeps now and then until ctx ends, and tells failed of what fails.
func (s *Store) SweepEvery(ctx context.Context, pause time.Duration, failed func(error)) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// failures are those of a sweep, of which there may be one for each upload.
type failures struct {
	mu    sync.Mutex
	named []error
	more  int
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.named) == sweepNamed {
		f.more++
		return
	}
	f.named = append(f.named, err)
}

func (f *failures) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.more == 0 {
		return errors.Join(f.named...)
	}
	return errors.Join(append(f.named, fmt.Errorf("and %d more", f.more))...)
}
