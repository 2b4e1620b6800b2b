package cashttp

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
)

// copyBytes is what a download is read ahead and written in.
const copyBytes = 64 << 10

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
// flushes, so that this holds for the last bytes, too; net/http takes the deadline back
// after the request.
func (s server) send(w http.ResponseWriter, content *bufio.Reader) error {
	conn := http.NewResponseController(w)
	if _, err := content.WriteTo(patientWriter{w, conn, s.Idle}); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
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
