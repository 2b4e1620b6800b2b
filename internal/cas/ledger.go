package cas

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// Ledger keeps the records of uploads in parts. Whoever changes one names the generation
// that it has: registry.ErrConflict means that somebody else has taken the upload over.
type Ledger interface {
	// CreateUpload stores a record without parts: registry.ErrExists if the artifact has one
	// of that name, registry.ErrTooMany if the organization has limit resumable ones.
	CreateUpload(ctx context.Context, u registry.Upload, limit int) error
	// Upload returns a resumable upload with its parts, or registry.ErrNotFound.
	Upload(ctx context.Context, id org.ID, d digest.Digest, name uuid.UUID) (registry.Upload, error)
	// TakeUpload moves u to its next generation.
	TakeUpload(ctx context.Context, u registry.Upload, now, expires time.Time) error
	// KeepUpload moves the expiry of u.
	KeepUpload(ctx context.Context, u registry.Upload, expires time.Time) error
	// AdvanceUpload commits parts together with what u says of their end.
	AdvanceUpload(ctx context.Context, u registry.Upload, parts []registry.UploadPart) error
	// DeleteUpload removes u, if nobody has taken it over.
	DeleteUpload(ctx context.Context, u registry.Upload) error
	// ExpiredUploads returns up to limit uploads that have expired at now, without parts; its
	// error may be of others that cannot be read.
	ExpiredUploads(ctx context.Context, now time.Time, limit int) ([]registry.Upload, error)
	CountUploads(ctx context.Context) (int64, error)
}

var (
	// ErrTaken: another request goes on with the upload.
	ErrTaken = errors.New("another request continues this upload")
	// errLedger: what is not recorded is not begun.
	errLedger = errors.New("the record of the upload could not be written")
)

const (
	// inFlightTerm is how long the record of an upload that is not resumable outlives the
	// last sign of its process.
	inFlightTerm = 5 * time.Minute
	// recordTimeout bounds what is written when the request may be gone.
	recordTimeout = 15 * time.Second
)

// record writes down that an upload in parts exists, before it has parts. An upload that
// cannot be recorded is not begun: nobody would ever find its parts.
func (s *Store) record(ctx context.Context, u registry.Upload) (registry.Upload, error) {
	now := s.cfg.Now()
	u.ID, u.Generation, u.CreatedAt, u.UpdatedAt, u.ExpiresAt = uuid.New(), 1, now, now, now.Add(s.term(u))
	if !u.Resumable {
		u.Name = u.ID
	}
	// S3 has begun it: a client that leaves now must not leave half a record.
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	err := s.cfg.Ledger.CreateUpload(writing, u, s.cfg.OpenUploads)
	if err == nil || errors.Is(err, registry.ErrExists) || errors.Is(err, registry.ErrTooMany) {
		return u, err
	}
	return u, unrecorded(ctx, err)
}

// unrecorded says why the ledger did not answer: its client may just have gone away.
func unrecorded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return fmt.Errorf("%w: %w", errLedger, err)
}

func (s *Store) term(u registry.Upload) time.Duration {
	if u.Resumable {
		return s.cfg.UploadExpiry
	}
	return inFlightTerm
}

// keep moves the expiry of u for as long as somebody works on it. The context that it
// returns ends with ErrTaken as its cause when u is somebody else's. Call stop.
func (s *Store) keep(ctx context.Context, u registry.Upload) (kept context.Context, stop func()) {
	kept, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(s.term(u) / 3)
		defer tick.Stop()
		for {
			select {
			case <-kept.Done():
				return
			case <-tick.C:
			}
			// Another failure is no reason to give up: the next time may be in time.
			if err := s.cfg.Ledger.KeepUpload(kept, u, s.cfg.Now().Add(s.term(u))); errors.Is(err, registry.ErrConflict) {
				cancel(ErrTaken)
			}
		}
	}()
	return kept, func() { cancel(nil) }
}

// strike removes the record of an upload that S3 no longer has. A record that stays is
// the sweeper's, who finds nothing to abort.
func (s *Store) strike(ctx context.Context, u registry.Upload) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	_ = s.cfg.Ledger.DeleteUpload(ctx, u)
}
