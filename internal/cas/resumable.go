package cas

import (
	"context"
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/registry"
)

// Upload is what a client may know of its resumable upload.
type Upload struct {
	Name      uuid.UUID
	Length    int64 // or UnknownLength
	Offset    int64 // what comes before it is never asked for again
	Complete  bool  // the artifact is there
	ExpiresAt time.Time
}

var (
	// ErrNoUpload: nobody has begun an upload of that name, or it has expired.
	ErrNoUpload = errors.New("no such upload")
	// ErrUploads: the organization has as many unfinished uploads as it may.
	ErrUploads = errors.New("too many unfinished uploads")
	// ErrAppend: a piece in the middle is smaller than the smallest part.
	ErrAppend = errors.New("the append is too small")
	// ErrUploadLength: the announced length is not the one that was announced before.
	ErrUploadLength = errors.New("inconsistent length values for the upload")
	// ErrUploadLost: S3 no longer has what the record says. The record is gone, too.
	ErrUploadLost = errors.New("the upload is lost")
)

// OffsetError: an append begins somewhere else than where the upload ends.
type OffsetError struct{ Want, Got int64 }

func (e *OffsetError) Error() string {
	return fmt.Sprintf("offset %d, the upload is at %d", e.Got, e.Want)
}

// Resumable reports whether an upload of that length, whose client can resume it, is
// worth being resumable.
func (s *Store) Resumable(length int64) bool { return length >= s.cfg.ResumableMin }

// MinAppend is the least that an append may have that is not the last: the smallest part.
func (s *Store) MinAppend() int64 { return minPartSize }

// BeginUpload begins a resumable upload of that name. Of an artifact that is there it
// returns a complete one; of an upload that has been begun, what that is.
func (s *Store) BeginUpload(ctx context.Context, ref Ref, name uuid.UUID, length int64, label Label) (Upload, error) {
	if length > s.MaxSize() {
		return Upload{}, fmt.Errorf("%w: %d bytes, %d are allowed", ErrTooLarge, length, s.MaxSize())
	}
	lease, err := s.lease(ctx, ref.Org, ref.Backend)
	if err != nil {
		return Upload{}, err
	}
	w := &writer{store: s, lease: lease, key: lease.session.Tenant.ObjectKey(ref.Digest)}
	there, err := w.exists(ctx)
	if err != nil {
		return Upload{}, w.note(err)
	}
	if there {
		return s.completed(ctx, ref, name)
	}
	// A name that is known needs no room, and S3 needs not begin anything.
	if known, err := s.find(ctx, ref, name); !errors.Is(err, ErrNoUpload) {
		return stateOf(known), err
	}
	hash, err := sha256.New().(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return Upload{}, err
	}
	id, err := lease.begin(ctx, w.key, label)
	if err != nil {
		return Upload{}, w.note(err)
	}
	record, err := s.record(ctx, registry.Upload{
		Org: ref.Org, Backend: ref.Backend, Digest: ref.Digest, Name: recorded(ref, name), Resumable: true, Length: length,
		FileName: string(label.FileName), StorageID: id, Hash: hash,
	})
	record.Name = name
	if err == nil {
		return stateOf(record), nil
	}
	err = errors.Join(err, lease.abort(ctx, w.key, id))
	switch {
	case errors.Is(err, registry.ErrExists):
		return s.FindUpload(ctx, ref, name)
	case errors.Is(err, registry.ErrTooMany):
		return Upload{}, fmt.Errorf("%w: %d are allowed: %w", ErrUploads, s.cfg.OpenUploads, err)
	}
	return Upload{}, err
}

// FindUpload says how far a resumable upload is, while its writer may go on.
func (s *Store) FindUpload(ctx context.Context, ref Ref, name uuid.UUID) (Upload, error) {
	record, err := s.find(ctx, ref, name)
	if errors.Is(err, ErrNoUpload) {
		return s.completed(ctx, ref, name)
	}
	return stateOf(record), err
}

// SettleUpload is FindUpload after the writer, if there is one, has been ended: the
// offset is where the next append begins.
func (s *Store) SettleUpload(ctx context.Context, ref Ref, name uuid.UUID) (Upload, error) {
	_, w, err := s.takeOver(ctx, ref, name)
	if errors.Is(err, ErrNoUpload) {
		return s.completed(ctx, ref, name)
	}
	if err != nil {
		return Upload{}, err
	}
	defer w.leave()
	return stateOf(w.record), nil
}

// CancelUpload ends a resumable upload and discards what has arrived.
func (s *Store) CancelUpload(ctx context.Context, ref Ref, name uuid.UUID) error {
	seated, w, err := s.takeOver(ctx, ref, name)
	if err != nil {
		return err
	}
	defer w.leave()
	return w.discard(seated)
}

func stateOf(r registry.Upload) Upload {
	return Upload{Name: r.Name, Length: r.Length, Offset: r.Committed, ExpiresAt: r.ExpiresAt}
}

// completed describes an upload of which there is no record: it is complete if the
// artifact is there, and was never begun otherwise.
func (s *Store) completed(ctx context.Context, ref Ref, name uuid.UUID) (Upload, error) {
	info, err := s.Stat(ctx, ref)
	if errors.Is(err, ErrNotFound) {
		return Upload{}, ErrNoUpload
	}
	return Upload{Name: name, Length: info.Size, Offset: info.Size, Complete: true}, err
}

// recorded is the name of an upload in the ledger: the same one in another storage backend
// is another upload, whose parts are elsewhere.
func recorded(ref Ref, name uuid.UUID) uuid.UUID {
	if ref.Backend == uuid.Nil {
		return name
	}
	return uuid.NewSHA1(ref.Backend, name[:])
}

func (s *Store) find(ctx context.Context, ref Ref, name uuid.UUID) (registry.Upload, error) {
	record, err := s.cfg.Ledger.Upload(ctx, ref.Org, ref.Digest, recorded(ref, name))
	record.Name = name
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return record, ErrNoUpload
	case err != nil:
		return record, unrecorded(ctx, err)
	}
	return record, nil
}

// takeOver makes the caller the only writer of an upload, in this process and in others.
func (s *Store) takeOver(ctx context.Context, ref Ref, name uuid.UUID) (context.Context, *writer, error) {
	record, err := s.find(ctx, ref, name)
	if err != nil {
		return nil, nil, err
	}
	seated, seat, leave, err := s.writers.enter(ctx, record.ID)
	if err != nil {
		return nil, nil, err
	}
	w, err := func() (*writer, error) {
		// Again: the one who had the seat may have moved on while it left.
		record, err := s.find(ctx, ref, name)
		if err != nil {
			return nil, err
		}
		now := s.cfg.Now()
		err = seat.do(func() error { return s.cfg.Ledger.TakeUpload(ctx, record, now, now.Add(s.cfg.UploadExpiry)) })
		switch {
		case errors.Is(err, registry.ErrConflict), errors.Is(err, ErrTaken):
			return nil, ErrTaken
		case err != nil:
			return nil, unrecorded(ctx, err)
		}
		record.Generation++
		record.ExpiresAt = now.Add(s.cfg.UploadExpiry)
		lease, err := s.lease(ctx, ref.Org, ref.Backend)
		if err != nil {
			return nil, err
		}
		return &writer{store: s, lease: lease, key: lease.session.Tenant.ObjectKey(ref.Digest), id: record.StorageID, record: record, seat: seat, leave: leave}, nil
	}()
	if err != nil {
		leave()
		return nil, nil, err
	}
	return seated, w, nil
}
