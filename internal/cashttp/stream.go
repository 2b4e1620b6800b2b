package cashttp

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
)

// idleTimeout is how long a transfer may stand still: a client that sends or takes
// nothing for so long is cut off.
const idleTimeout = time.Minute

// clientBody is the body of an upload. It marks what net/http reports when a client
// stops early, and moves the deadline with every read.
type clientBody struct {
	body io.Reader
	conn *http.ResponseController
}

func (b clientBody) Read(p []byte) (int, error) {
	// Not every ResponseWriter has deadlines; those of net/http's server do.
	_ = b.conn.SetReadDeadline(time.Now().Add(idleTimeout))
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = errors.Join(cas.ErrIncomplete, err)
	}
	return n, err
}

// patientWriter moves the write deadline with every write.
type patientWriter struct {
	w    io.Writer
	conn *http.ResponseController
}

func (p patientWriter) Write(b []byte) (int, error) {
	_ = p.conn.SetWriteDeadline(time.Now().Add(idleTimeout))
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
