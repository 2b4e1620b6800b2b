package cas

import (
	"context"
	"io"
)

// interruptibleBytes is how much is read at a time: a goroutine for each is little beside
// hashing it.
const interruptibleBytes = 128 << 10

// interruptible is a body of which nobody waits for more when ctx has ended, though its
// client has fallen silent. The read that is then under way ends with the client's request.
type interruptible struct {
	ctx    context.Context
	body   io.Reader
	buffer []byte // its own: the reader may have p back before the read has ended
	lost   error
}

// Read implements io.Reader.
func (r *interruptible) Read(p []byte) (int, error) {
	if r.lost != nil {
		return 0, r.lost
	}
	if r.buffer == nil {
		r.buffer = make([]byte, interruptibleBytes)
	}
	type answer struct {
		n   int
		err error
	}
	into := r.buffer[:min(len(p), len(r.buffer))]
	read := make(chan answer, 1)
	go func() {
		n, err := r.body.Read(into)
		read <- answer{n, err}
	}()
	select {
	case a := <-read:
		return copy(p, into[:a.n]), a.err
	case <-r.ctx.Done():
		r.lost = context.Cause(r.ctx)
		return 0, r.lost
	}
}
