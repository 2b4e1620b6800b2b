package emulator

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// errCut is what a service sees of a connection that is broken on purpose.
var errCut = errors.New("the connection was cut by a fault")

// lost is the answer of a request whose connection breaks after its effect.
type lost struct{ header http.Header }

func newLost() lost { return lost{header: make(http.Header)} }

func (l lost) Header() http.Header         { return l.header }
func (l lost) Write(p []byte) (int, error) { return len(p), nil }
func (l lost) WriteHeader(int)             {}

// cutRequest makes the body of a request end in an error after n bytes, or in its middle
// when n is 0. It reports false for a request without body.
func cutRequest(req *api.Request, n int) bool {
	if req.BodyLength == 0 {
		return false
	}
	if n == 0 {
		n = int(max(0, req.BodyLength) / 2)
	}
	req.Body = io.MultiReader(io.LimitReader(req.Body, int64(n)), broken{})
	return true
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }

// cutting is an answer of which the first bytes of the body arrive: as many as left, or
// half when left is 0 and the length is known.
type cutting struct {
	http.ResponseWriter
	left  int
	begun bool
}

func (w *cutting) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		if length, err := strconv.Atoi(w.Header().Get("Content-Length")); err == nil && w.left == 0 {
			w.left = length / 2
		}
	}
	if len(p) < w.left {
		n, err := w.ResponseWriter.Write(p)
		w.left -= n
		return n, err
	}
	n, err := w.ResponseWriter.Write(p[:w.left])
	w.left -= n
	if err == nil {
		// What is buffered would be dropped with the connection.
		err = errors.Join(errCut, http.NewResponseController(w.ResponseWriter).Flush())
	}
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *cutting) Unwrap() http.ResponseWriter { return w.ResponseWriter }
