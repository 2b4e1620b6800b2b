package cas

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/registry"
)

const (
	// sweepPage is how many uploads are looked at in one go.
	sweepPage = 100
	// sweepClaim is how long an upload that is being aborted is left alone by others; one
	// that S3 did not abort is tried again afterwards.
	sweepClaim = 5 * time.Minute
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
// came back for. Several processes may sweep at once: an upload is one's.
func (s *Store) Sweep(ctx context.Context) error {
	var failures []error
	for {
		expired, err := s.cfg.Ledger.ExpiredUploads(ctx, s.cfg.Now(), sweepPage)
		if err != nil {
			return errors.Join(append(failures, err)...)
		}
		for _, u := range expired {
			if err := s.sweep(ctx, u); err != nil {
				s.sweeps.failures.Add(1)
				failures = append(failures, err)
			}
			if ctx.Err() != nil {
				return errors.Join(append(failures, ctx.Err())...)
			}
		}
		if len(expired) < sweepPage { // those of this page are claimed or gone
			break
		}
	}
	open, err := s.cfg.Ledger.CountUploads(ctx)
	if err == nil {
		s.sweeps.open.Store(open)
	}
	return errors.Join(append(failures, err)...)
}

func (s *Store) sweep(ctx context.Context, u registry.Upload) error {
	now := s.cfg.Now()
	err := s.cfg.Ledger.TakeUpload(ctx, u, now, now.Add(sweepClaim))
	if errors.Is(err, registry.ErrConflict) {
		return nil // it is another sweeper's, or its client is back
	}
	if err != nil {
		return err
	}
	u.Generation++
	if err := s.abortSwept(ctx, u); err != nil {
		return fmt.Errorf("sweeping upload %s of organization %s: %w", u.ID, u.Org, err)
	}
	if err := s.cfg.Ledger.DeleteUpload(ctx, u); err != nil {
		return err
	}
	s.sweeps.swept.Add(1)
	return nil
}

// abortSwept uses the organization's own session, which may abort uploads of its own
// keys. Of an organization that has none any more, the parts are left to the bucket's
// lifecycle rule: nobody else may abort them.
func (s *Store) abortSwept(ctx context.Context, u registry.Upload) error {
	lease, err := s.lease(ctx, u.Org)
	if errors.Is(err, registry.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	err = lease.abort(ctx, lease.session.Tenant.ObjectKey(u.Digest), u.StorageID)
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
