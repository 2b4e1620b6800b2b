package casgate

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/managedcas/managedcas/internal/problem"
)

// HTTP serves next, whose Tokens must be the Gate.
func (g *Gate) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := map[string]string{
			http.MethodPut: "upload", http.MethodPost: "upload", http.MethodPatch: "upload", http.MethodGet: "download",
		}[r.Method]
		if kind == "" {
			kind = "describe"
		}
		origin := fromHTTP(r)
		w.Header().Set(requestIDKey, origin.RequestID)
		ctx, v, end := g.begin(r.Context(), "http", kind, origin)
		v.noted.path(r.URL.Path)
		answer := &pacedWriter{ResponseWriter: w, ctx: ctx, visit: v}
		finished := false
		defer func() { // also when the handler cuts the connection
			if !finished {
				end("cut_off")
				return
			}
			end(answer.outcome())
		}()
		conn := http.NewResponseController(w)
		defer context.AfterFunc(ctx, func() {
			if cut(ctx) == nil {
				return
			}
			// Whoever waits for the client waits no longer.
			_ = conn.SetReadDeadline(time.Now())
			_ = conn.SetWriteDeadline(time.Now().Add(lastWords))
		})()
		r = r.WithContext(ctx)
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &pacedBody{r.Body, conn, ctx, v}
		}
		next.ServeHTTP(answer, r)
		finished = true
	})
}

// lastWords is how long a client that has used up its time may take to receive why.
const lastWords = 2 * time.Second

// outcome is the kind of the problem that was the answer; of what answers without one, the
// first that its status may stand for.
func (w *pacedWriter) outcome() string {
	switch {
	case w.failed != nil:
		return w.failed.Kind().String()
	case w.status < 400:
		return "ok"
	}
	for _, kind := range problem.Kinds() {
		if kind.HTTPStatus() == w.status {
			return kind.String()
		}
	}
	return problem.Invalid.String()
}

type pacedBody struct {
	io.ReadCloser
	conn  *http.ResponseController
	ctx   context.Context //nolint:containedctx // the request's
	visit *visit
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if err := cut(b.ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	n, err := b.ReadCloser.Read(p)
	if ended := cut(b.ctx); err != nil && err != io.EOF && ended != nil {
		return 0, ended
	}
	if late := b.visit.moved(b.ctx, n, time.Since(began)); late != nil {
		// Before it answers, net/http would wait for more of the body.
		_ = b.conn.SetReadDeadline(time.Now())
		return 0, late
	}
	return n, err
}

type pacedWriter struct {
	http.ResponseWriter
	ctx    context.Context //nolint:containedctx // the request's
	visit  *visit
	status int
	failed *problem.Problem
}

// Failed implements problem.Told.
func (w *pacedWriter) Failed(p *problem.Problem) {
	w.failed = p
	w.visit.noted.failed(p)
}

func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *pacedWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // not an interim one
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *pacedWriter) Write(p []byte) (int, error) {
	if w.visit.kind != "download" || w.status >= 400 {
		return w.ResponseWriter.Write(p) // a few words, not an artifact
	}
	if err := cut(w.ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	n, err := w.ResponseWriter.Write(p)
	if late := w.visit.moved(w.ctx, n, time.Since(began)); late != nil && err == nil {
		err = late
	}
	return n, err
}
