package cas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
)

// A body that breaks is resumed maxResumes times. A stretch of resumeCredit bytes earns
// all tries back: a long download must survive more of them than a short one, and a
// connection that gives a byte at a time must not cost a request for each.
const (
	maxResumes   = 5
	resumeCredit = 8 * mebibyte
	firstPause   = 25 * time.Millisecond // doubled with each try
)

// resuming reads a part of an object to its end, over as many GetObject bodies as that
// takes. It hands out no byte twice, and ends with io.EOF only after exactly the bytes
// of the part.
type resuming struct {
	body   io.ReadCloser // nil after it broke
	rest   Range         // not yet handed out
	reopen func(rest Range, try int) (io.ReadCloser, error)

	tries  int
	earned int64 // bytes since the last try
	cause  error // why the last body broke
	failed error // sticky
}

func (r *resuming) Read(p []byte) (int, error) {
	if r.failed != nil {
		return 0, r.failed
	}
	if r.rest.Length == 0 {
		return 0, io.EOF
	}
	if r.body == nil {
		if r.failed = r.resume(); r.failed != nil {
			return 0, r.failed
		}
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.rest.Length)])
	r.advance(int64(n))
	if r.rest.Length == 0 {
		return n, io.EOF // whatever became of the connection: everything has arrived
	}
	if err != nil {
		_ = r.body.Close() // it is broken already
		r.body, r.cause = nil, unexpected(err)
	}
	return n, nil
}

func (r *resuming) advance(n int64) {
	r.rest.Offset += n
	r.rest.Length -= n
	if r.earned += n; r.earned >= resumeCredit {
		r.tries = 0
	}
}

// resume opens the rest. Awscloud has retried what fails here; only a session that is no
// longer accepted is worth another try, because the next one is fresh.
func (r *resuming) resume() error {
	for r.tries < maxResumes {
		r.tries, r.earned = r.tries+1, 0
		body, err := r.reopen(r.rest, r.tries)
		if err == nil {
			r.body = body
			return nil
		}
		if !errors.Is(err, cloud.ErrExpired) {
			return fmt.Errorf("resuming at byte %d: %w", r.rest.Offset, err)
		}
		r.cause = err
	}
	return fmt.Errorf("broken %d times, the last time at byte %d: %w", r.tries+1, r.rest.Offset, r.cause)
}

// Close gives the connection back, or ends it if there is something left to read.
func (r *resuming) Close() error {
	r.failed = errors.Join(r.failed, errClosed)
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}

var errClosed = errors.New("read after Close")

// unexpected is an end that came too early, as the failure that it is.
func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // wrapped, it is a failure already
		return io.ErrUnexpectedEOF
	}
	return err
}

// pause waits before a try, so that those whom one failure of S3 hit do not come back
// at once and together.
func pause(ctx context.Context, try int) error {
	longest := firstPause << (try - 1)
	timer := time.NewTimer(longest/2 + rand.N(longest/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
