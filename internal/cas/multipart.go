package cas

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// abortTimeout bounds the clean-up after a failed upload, which runs when the
// client, and with it the request's context, may be gone (facts WIRE W16).
const abortTimeout = 15 * time.Second

// multipart sends the full part, then the rest of the body part by part. S3 cannot
// check a whole-object sha256 here (facts AWS §7.1), so Complete is only called after
// the body has ended with its digest verified; on any failure the parts are aborted.
func (u upload) multipart(ctx context.Context, part []byte) (err error) {
	m, err := u.objects.Multipart(ctx, u.key, u.name)
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
		defer cancel()
		if abortErr := m.Abort(fresh); abortErr != nil {
			err = errors.Join(err, fmt.Errorf("aborting the upload: %w", abortErr))
		}
	}()
	n, ended := len(part), false
	for number := 1; n > 0; number++ {
		if number > maxParts {
			return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, int64(maxParts)*int64(len(part)))
		}
		if err := m.Part(ctx, number, part[:n]); err != nil {
			return err
		}
		if ended {
			break
		}
		if n, ended, err = fill(u.body, part); err != nil {
			return err
		}
	}
	return m.Complete(ctx)
}

// partPool lends part-sized buffers.
type partPool struct {
	size int
	pool *sync.Pool
}

func newPartPool(size int64) partPool {
	return partPool{int(size), &sync.Pool{New: func() any { b := make([]byte, size); return &b }}}
}

// with lends a buffer to fn. It is lent again only after a success: when S3 has refused a
// request early, net/http may still be reading the request's body.
func (p partPool) with(fn func(part []byte) error) error {
	b := p.pool.Get().(*[]byte)
	err := fn(*b)
	if err == nil {
		p.pool.Put(b)
	}
	return err
}
