package cas

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/managedcas/managedcas/internal/digest"
)

var (
	// errCut is what a tether reads after it was cut.
	errCut = errors.New("the request that this body belonged to is over")
	// errSpent: a request failed whose body cannot be had again.
	errSpent = errors.New("the body has been read")
)

// tether lends a body to one HTTP request. net/http may go on reading a request's
// body after the response has arrived; once cut returns, the body is the caller's
// again and nobody else reads it.
//
// It can be rewound as long as nothing was read of it: S3 refuses most of what it
// refuses before it asks for the body (Expect: 100-continue), and such a request can
// be repeated.
type tether struct {
	mu     sync.Mutex
	body   io.Reader
	length int64
	read   int64
	cutOff bool
	failed error // what ended the body, when that was not io.EOF
}

func (t *tether) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cutOff {
		return 0, errCut
	}
	n, err := t.body.Read(p)
	t.read += int64(n)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		t.failed = err
	case err != nil && t.read < t.length:
		t.failed = fmt.Errorf("%w: %d bytes, want %d", digest.ErrLength, t.read, t.length)
	}
	return n, err
}

// Seek implements io.Seeker for what an HTTP client asks of a body: how long it is, where
// it is, and to begin again. Asking for the end moves nothing.
func (t *tether) Seek(offset int64, whence int) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case offset == 0 && whence == io.SeekEnd:
		return t.length, nil
	case offset == 0 && whence == io.SeekCurrent, offset == t.read && whence == io.SeekStart:
		return t.read, nil
	}
	return 0, errSpent
}

// cut takes the body back from a request that ended with err. It returns what ended the
// body, if anything did: that says more than what the HTTP client made of it.
func (t *tether) cut(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cutOff = true
	switch {
	case t.failed != nil:
		return t.failed
	case err != nil && t.read > 0:
		return errors.Join(err, errSpent)
	}
	return err
}
