package cas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/registry"
)

const (
	// abortTimeout bounds the clean-up after a failed upload, which runs when the
	// client, and with it the request's context, may be gone (facts WIRE W16).
	abortTimeout = 15 * time.Second
	// beginTimeout bounds the call that begins an upload, with its retries. It goes on when
	// the client is gone: only its answer has the id that an abort needs.
	beginTimeout = 30 * time.Second
	// partsInFlight is how many parts one upload holds at most: one that fills, and two
	// on their way. More would be memory that other uploads wait for.
	partsInFlight = 3
)

// inParts sends first, if there is one, and the rest of the body part by part. S3
// cannot check a whole-object sha256 here (facts AWS §7.1), so Complete is only called
// after the body has ended with its digest verified; on any failure the parts are
// aborted.
func (u *upload) inParts(ctx context.Context, first *held) error {
	release := func() {
		if first != nil {
			first.release()
		}
	}
	// Without looking, a duplicate would be found out by Complete, after all its parts.
	if there, err := u.exists(ctx); err != nil || there {
		release()
		return errors.Join(err, existing(there))
	}
	id, err := u.lease.begin(ctx, u.key, u.label)
	if err != nil {
		release()
		return err
	}
	record, err := u.store.record(ctx, registry.Upload{
		Org: u.lease.org, Backend: u.lease.backend, Digest: u.digest, Length: u.length, FileName: string(u.label.FileName), StorageID: id,
	})
	if err != nil {
		release()
		return errors.Join(err, u.lease.abort(ctx, u.key, id))
	}
	kept, stop := u.store.keep(ctx, record)
	defer stop()
	parts, err := u.sendAll(kept, id, first)
	if err == nil {
		err = u.lease.do(kept, func(o Objects) error { return o.Complete(kept, u.key, id, parts) })
	}
	var abortErr error
	if err != nil {
		abortErr = u.lease.abort(ctx, u.key, id)
	}
	if abortErr == nil {
		u.store.strike(ctx, record) // or else the sweeper aborts it
	}
	return errors.Join(err, abortErr)
}

// abort has S3 discard the parts of an upload, also when its request is gone.
func (l *lease) abort(ctx context.Context, key, id string) error {
	fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
	defer cancel()
	err := l.do(fresh, func(o Objects) error { return o.Abort(fresh, key, id) })
	if err == nil || errors.Is(err, cloud.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("aborting the upload: %w", err)
}

func (u *upload) sendAll(ctx context.Context, id string, first *held) ([]SentPart, error) {
	if u.length != UnknownLength && u.parts.of(1) > u.store.heldMax {
		return u.streamAll(ctx, id)
	}
	return u.send(ctx, id, first)
}

// streamAll sends parts that are too large to be held, one after the other. One that
// fails ends the upload: only its client has the bytes.
func (u *upload) streamAll(ctx context.Context, id string) (sent []SentPart, err error) {
	for offset := int64(0); offset < u.length; {
		size := min(u.parts.of(1), u.length-offset)
		p, err := u.lease.streamPart(ctx, u.key, id, len(sent)+1, size, u.body)
		if err != nil {
			return nil, err
		}
		sent = append(sent, p)
		offset += size
	}
	return sent, nil
}

// streamPart sends the next size bytes of body, of which nobody keeps a copy.
func (l *lease) streamPart(ctx context.Context, key, id string, number int, size int64, body io.Reader) (sent SentPart, err error) {
	err = l.do(ctx, func(o Objects) (err error) {
		lent := &tether{body: io.LimitReader(body, size), length: size}
		sent, err = o.StreamPart(ctx, key, id, number, size, lent)
		return lent.cut(err)
	})
	return sent, err
}

// begin has S3 begin an upload, and waits for the answer also when the client is gone.
func (l *lease) begin(ctx context.Context, key string, label Label) (id string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	beginning, cancel := context.WithTimeout(context.WithoutCancel(ctx), beginTimeout)
	defer cancel()
	err = l.do(beginning, func(o Objects) (err error) {
		id, err = o.Begin(beginning, key, label)
		return err
	})
	return id, err
}

// send has all parts sent, several at a time. When it returns, none is on its way.
func (u *upload) send(ctx context.Context, id string, part *held) ([]SentPart, error) {
	group, sending := errgroup.WithContext(ctx)
	slots := make(chan struct{}, partsInFlight)
	var mu sync.Mutex
	var sent []SentPart
	keep := func(p SentPart) {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, p)
	}
	err := func() error {
		for number, ended := 1, false; !ended; number++ {
			size := u.parts.of(number)
			if number > maxParts {
				return fmt.Errorf("%w: an upload of unknown length has %d parts at most; announce the length", ErrTooLarge, maxParts)
			}
			select {
			case slots <- struct{}{}:
			case <-sending.Done():
				if part != nil {
					part.release()
				}
				return sending.Err()
			}
			if part == nil {
				var err error
				if part, err = u.memory.lend(sending, size); err != nil {
					return err
				}
				if ended, err = part.fill(u.body); err != nil || part.n == 0 {
					part.release()
					return err
				}
			}
			full := part
			part = nil
			group.Go(func() error {
				defer func() { full.release(); <-slots }()
				p, err := u.sendHeld(sending, id, number, full)
				keep(p)
				return err
			})
		}
		return nil
	}()
	if err != nil && sending.Err() == nil {
		// The body's failure is the reason; the parts on their way are of no use.
		group.Go(func() error { return err })
	}
	if partErr := group.Wait(); partErr != nil {
		return nil, partErr
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(sent, func(a, b SentPart) int { return a.Number - b.Number })
	return sent, nil
}

func (u *upload) sendHeld(ctx context.Context, id string, number int, part *held) (sent SentPart, err error) {
	err = u.lease.do(ctx, func(o Objects) (err error) {
		if _, err := part.Seek(0, io.SeekStart); err != nil {
			return err
		}
		sent, err = o.SendPart(ctx, u.key, id, Part{Number: number, Size: part.n, Body: part})
		return err
	})
	return sent, err
}
