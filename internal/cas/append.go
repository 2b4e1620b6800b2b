package cas

import (
	"context"
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/registry"
)

// Append is a piece of a resumable upload.
type Append struct {
	Offset int64
	Body   io.Reader
	// Last: the artifact ends where Body ends. Otherwise Length is known, and at least
	// MinAppend.
	Last   bool
	Length int64 // of Body, or UnknownLength
	Total  int64 // of the artifact, as far as this request says it, or UnknownLength
}

// afterwards is how long parts may still be on their way when their request has ended:
// what has arrived here need not be sent again.
const afterwards = 30 * time.Second

// Append continues an upload. What S3 has acknowledged stays, however it ends: the state
// that comes with an error says nothing, FindUpload does. After the last piece the
// artifact is there, or, if its content was wrong, the upload is gone.
func (s *Store) Append(ctx context.Context, ref Ref, name uuid.UUID, a Append) (Upload, error) {
	seated, w, err := s.takeOver(ctx, ref, name)
	if errors.Is(err, ErrNoUpload) && a.Last {
		return s.missed(ctx, ref, name, a)
	}
	if err != nil {
		return Upload{}, err
	}
	defer w.leave()
	if a.Offset != w.record.Committed {
		return Upload{}, &OffsetError{Want: w.record.Committed, Got: a.Offset}
	}
	if w.record.Length, err = announced(w.record.Length, a); err != nil {
		return Upload{}, err
	}
	if !a.Last {
		switch reaches := w.record.Length != UnknownLength && a.Offset+a.Length == w.record.Length; {
		case a.Length == 0:
			return stateOf(w.record), nil
		case a.Length < minPartSize && !reaches:
			return Upload{}, fmt.Errorf("%w: %d bytes, the least is %d", ErrAppend, a.Length, minPartSize)
		}
	}
	kept, stop := s.keep(seated, w.record)
	defer stop()
	if err := w.append(kept, a); err != nil {
		if cause := context.Cause(kept); errors.Is(cause, ErrTaken) {
			err = ErrTaken
		}
		return Upload{}, w.failed(ctx, err)
	}
	if !a.Last {
		return stateOf(w.record), nil
	}
	if err := w.complete(kept); err != nil {
		return Upload{}, w.failed(ctx, err)
	}
	return Upload{Name: name, Length: w.record.Committed, Offset: w.record.Committed, Complete: true}, nil
}

// writer is who has a resumable upload.
type writer struct {
	store *Store
	lease *lease
	key   string
	id    string // S3's, of the upload
	seat  *seat
	leave func()

	mu     sync.Mutex
	record registry.Upload
	early  map[int]acknowledged // parts that S3 has, behind one that it has not
}

// acknowledged is a part that S3 has, and the hash of everything up to its end.
type acknowledged struct {
	part SentPart
	hash []byte
}

func (w *writer) append(ctx context.Context, a Append) (err error) {
	sum := sha256.New()
	if err := sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(w.record.Hash); err != nil {
		return fmt.Errorf("%w: its hash cannot be restored: %w", ErrUploadLost, err)
	}
	w.early = map[int]acknowledged{}
	sending, cancel := outlive(ctx)
	defer cancel()
	group, sending := errgroup.WithContext(sending)
	slots := make(chan struct{}, partsInFlight)
	rest := rest{left: a.Length, last: a.Last, sizes: partSizes{first: w.store.cfg.PartSize, length: w.record.Length}}
	offset := w.record.Committed
	body := a.Body
	if w.record.Length != UnknownLength {
		body = &exact{body: a.Body, left: w.record.Length - offset, length: w.record.Length}
	}
	readErr := func() error {
		for number, ended := len(w.record.Parts)+1, false; !ended; number++ {
			if number > maxParts {
				return fmt.Errorf("%w: an upload has %d parts at most; announce the length", ErrTooLarge, maxParts)
			}
			size := rest.next(number, offset)
			if size == 0 {
				// What is announced has come; only now the body may say that it is the end.
				if err := atEnd(body, a.Last); err != nil || number > 1 {
					return err
				}
				ended = true // of nothing, which is one empty part
			}
			need := 1
			if size > w.store.heldMax {
				need = partsInFlight // alone: the body is one stream
			}
			for range need {
				select {
				case slots <- struct{}{}:
				case <-sending.Done():
					return sending.Err()
				}
			}
			if need > 1 {
				if err := w.streamed(sending, number, size, body, sum); err != nil {
					return err
				}
				offset += size
				rest.took(size)
				for range need {
					<-slots
				}
				continue
			}
			part, err := w.store.memory.lend(ctx, max(size, 1))
			if err != nil {
				return err
			}
			if !ended {
				ended, err = part.fill(body)
			}
			if err != nil || part.n == 0 && number > 1 {
				part.release()
				return err
			}
			part.hash(sum)
			offset += part.n
			rest.took(part.n)
			state, err := sum.(encoding.BinaryMarshaler).MarshalBinary()
			if err != nil {
				part.release()
				return err
			}
			group.Go(func() error {
				defer func() { part.release(); <-slots }()
				return w.held(sending, number, part, state)
			})
		}
		return nil
	}()
	// Whatever ended the body: what is on its way may arrive.
	if err := group.Wait(); err != nil {
		return err
	}
	if readErr != nil || !a.Last {
		return readErr
	}
	return w.verify(sum, offset)
}

// verify decides whether what S3 has is the artifact.
func (w *writer) verify(sum hash.Hash, size int64) error {
	if w.record.Length != UnknownLength && size != w.record.Length {
		return fmt.Errorf("%w: %d bytes, want %d", digest.ErrLength, size, w.record.Length)
	}
	got, err := digest.FromSum(sum.Sum(nil))
	if err == nil && got != w.record.Digest {
		err = fmt.Errorf("%w: %d bytes hash to %s, want %s", digest.ErrMismatch, size, got, w.record.Digest)
	}
	return err
}

// outlive returns a context that ends some time after ctx, or at once if the upload was
// taken over.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	end := func() { cancel(nil) }
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), ErrTaken) {
			cancel(ErrTaken)
			return
		}
		time.AfterFunc(afterwards, end)
	})
	return longer, func() { stop(); end() }
}

func (w *writer) held(ctx context.Context, number int, part *held, state []byte) error {
	var sent SentPart
	err := w.seat.do(func() error {
		return w.lease.do(ctx, func(o Objects) (err error) {
			if _, err := part.Seek(0, io.SeekStart); err != nil {
				return err
			}
			sent, err = o.SendPart(ctx, w.key, w.id, Part{Number: number, Size: part.n, Body: part})
			return err
		})
	})
	if err != nil {
		return err
	}
	return w.acknowledge(ctx, acknowledged{sent, state})
}

// streamed sends a part that is too large to be held.
func (w *writer) streamed(ctx context.Context, number int, size int64, body io.Reader, sum hash.Hash) error {
	var sent SentPart
	err := w.seat.do(func() (err error) {
		heard := &interruptible{ctx: ctx, body: body}
		sent, err = w.lease.streamPart(ctx, w.key, w.id, number, size, io.TeeReader(heard, sum))
		return err
	})
	if err != nil {
		return err
	}
	state, err := sum.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return err
	}
	return w.acknowledge(ctx, acknowledged{sent, state})
}

// acknowledge commits a part, and those after it that were faster. Parts of which an
// earlier one is missing wait.
func (w *writer) acknowledge(ctx context.Context, a acknowledged) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.early[a.part.Number] = a
	next := w.record
	var parts []registry.UploadPart
	for {
		a, ok := w.early[len(next.Parts)+1]
		if !ok {
			break
		}
		delete(w.early, a.part.Number)
		p := registry.UploadPart(a.part)
		parts, next.Parts = append(parts, p), append(next.Parts, p)
		next.Committed, next.Hash = next.Committed+p.Size, a.hash
	}
	if len(parts) == 0 {
		return nil
	}
	next.UpdatedAt = w.store.cfg.Now()
	next.ExpiresAt = next.UpdatedAt.Add(w.store.cfg.UploadExpiry)
	err := w.seat.do(func() error { return w.store.cfg.Ledger.AdvanceUpload(ctx, next, parts) })
	switch {
	case errors.Is(err, registry.ErrConflict):
		return ErrTaken
	case errors.Is(err, ErrTaken):
		return err
	case err != nil:
		return unrecorded(ctx, err)
	}
	w.record = next
	return nil
}

// complete makes the artifact visible. Its content was verified before.
func (w *writer) complete(ctx context.Context) error {
	parts := make([]SentPart, len(w.record.Parts))
	for i, p := range w.record.Parts {
		parts[i] = SentPart(p)
	}
	err := w.seat.do(func() error {
		return w.lease.do(ctx, func(o Objects) error { return o.Complete(ctx, w.key, w.id, parts) })
	})
	if err == nil {
		w.store.strike(ctx, w.record)
		return nil
	}
	if undecided(err) {
		if there, _ := w.exists(ctx); there {
			err = cloud.ErrExists
		}
	}
	if errors.Is(err, cloud.ErrExists) {
		// Somebody else has stored the same bytes, or an earlier Complete has.
		_ = w.discard(ctx)
		return nil
	}
	if errors.Is(err, cloud.ErrBadDigest) {
		// The whole is not what its parts say that it is; asking again changes nothing.
		return fmt.Errorf("%w: %w", ErrUploadLost, err)
	}
	return err
}

// failed says what becomes of an upload after err. Only content that is wrong ends it, and
// S3 that no longer has it: what else fails, S3's refusals of a part among it, leaves what
// is committed.
func (w *writer) failed(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, ErrTaken):
		return err // it is somebody else's now
	case errors.Is(err, digest.ErrMismatch), errors.Is(err, digest.ErrLength), errors.Is(err, ErrUploadLost):
	case errors.Is(err, cloud.ErrUploadGone):
		err = fmt.Errorf("%w: %w", ErrUploadLost, err)
	default:
		return w.note(err)
	}
	ended := w.discard(ctx)
	if errors.Is(ended, ErrTaken) {
		return ErrTaken
	}
	return errors.Join(err, ended)
}

// discard aborts the upload and removes its record; if S3 does not take part, the
// sweeper will. Whoever was taken over meanwhile discards nothing: another process may
// have sent more.
func (w *writer) discard(ctx context.Context) error {
	return w.seat.do(func() error {
		keeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		defer cancel()
		err := w.store.cfg.Ledger.KeepUpload(keeping, w.record, w.store.cfg.Now().Add(sweepClaim))
		switch {
		case errors.Is(err, registry.ErrConflict):
			return ErrTaken
		case err != nil:
			return unrecorded(ctx, err)
		}
		if err := w.lease.abort(ctx, w.key, w.id); err != nil {
			return err
		}
		w.store.strike(ctx, w.record)
		return nil
	})
}

func (w *writer) exists(ctx context.Context) (there bool, err error) {
	err = w.lease.do(ctx, func(o Objects) (err error) {
		there, err = o.Exists(ctx, w.key)
		return err
	})
	return there, err
}

func (w *writer) note(err error) error {
	sess, _ := w.lease.current()
	w.store.note(w.lease.org, sess, err)
	return blamed(sess, err)
}
