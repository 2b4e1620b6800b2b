package cas

import (
	"errors"
	"io"
	"sync"
)

// errCut is what a tether reads after it was cut.
var errCut = errors.New("the request that this body belonged to is over")

// tether lends a body to one HTTP request. net/http may go on reading a request's
// body after the response has arrived; once cut returns, the body is the caller's
// again and nobody else reads it.
type tether struct {
	mu     sync.Mutex
	body   io.Reader
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
	if err != nil && !errors.Is(err, io.EOF) {
		t.failed = err
	}
	return n, err
}

// cut takes the body back and returns the error, if any, that ended it: it says more
// than what the HTTP client made of it.
func (t *tether) cut() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cutOff = true
	return t.failed
}
