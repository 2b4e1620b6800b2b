package cashttp

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
)

// clientBody is the body of an upload. It marks what net/http reports when a client
// stops early, and moves the deadline with every read; net/http takes it back when the
// body has ended.
type clientBody struct {
	body io.Reader
	conn *http.ResponseController
	idle time.Duration
}

func (s server) clientBody(w http.ResponseWriter, r *http.Request) clientBody {
	return clientBody{r.Body, http.NewResponseController(w), s.Idle}
}

func (b clientBody) Read(p []byte) (int, error) {
	// Not every ResponseWriter has deadlines; those of net/http's server do.
	_ = b.conn.SetReadDeadline(time.Now().Add(b.idle))
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = errors.Join(cas.ErrIncomplete, err)
	}
	return n, err
}

// send writes content to the client, which may stand still for as long as Idle. It
// calls begin for the status once a buffer is full, or the content has ended and is
// verified: what is wrong with a small artifact is found out before. It flushes, so that
// Idle holds for the last bytes, too; net/http takes the deadline back after the request.
//
// A client that fails does not wait for the content: stop must end what reads it.
func (s server) send(w http.ResponseWriter, content io.Reader, stop func(), begin func() (status int)) (begun bool, err error) {
	buffer := buffers.Get().(*[copyBytes]byte)
	defer buffers.Put(buffer)
	n, err := fill(content, buffer[:])
	if err != nil && err != io.EOF {
		return false, err
	}
	w.WriteHeader(begin())
	conn := http.NewResponseController(w)
	client := patientWriter{w, conn, s.Idle}
	if err == nil {
		rest := readAhead(content)
		defer rest.end()
		defer stop()
		if err := client.pass(buffer[:n], rest); err != nil {
			return true, err
		}
	} else if _, err := client.Write(buffer[:n]); err != nil {
		return true, err
	}
	if err := conn.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return true, err
	}
	return true, nil
}

// pass writes the first bytes and the rest. It returns nil when that has ended with io.EOF.
func (p patientWriter) pass(first []byte, rest ahead) error {
	if _, err := p.Write(first); err != nil {
		return err
	}
	for next := range rest.full {
		_, err := p.Write(next.buffer[:next.n])
		rest.empty <- next.buffer
		switch {
		case err != nil:
			return err
		case next.err == io.EOF: //nolint:errorlint // wrapped, it is a failure
			return nil
		case next.err != nil:
			return next.err
		}
	}
	return io.ErrUnexpectedEOF // not reached: the last piece has an error
}

// patientWriter moves the write deadline with every write.
type patientWriter struct {
	w    io.Writer
	conn *http.ResponseController
	idle time.Duration
}

func (p patientWriter) Write(b []byte) (int, error) {
	_ = p.conn.SetWriteDeadline(time.Now().Add(p.idle))
	return p.w.Write(b)
}

// counter counts what was read through it.
type counter struct {
	body io.Reader
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	c.n += int64(n)
	return n, err
}
