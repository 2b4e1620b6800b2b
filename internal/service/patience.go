package service

import (
	"io"
	"net/http"
	"time"
)

// standStill is how long an HTTP client may send nothing of a body, or take nothing of
// an answer, before its connection is cut. Without it a client that needs no token
// holds connections for ever: net/http waits for the body of a request even when the
// handler has refused it.
const standStill = time.Minute

// patient serves next to clients that keep moving.
func patient(next http.Handler, idle time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := pace{http.NewResponseController(w), idle}
		if r.ContentLength != 0 {
			p.read() // also bounds what net/http reads after the handler has returned
			r.Body = pacedBody{r.Body, p}
		}
		p.unhurried() // net/http leaves the deadline of the request before
		next.ServeHTTP(pacedWriter{w, p}, r)
		last := idle // for what net/http itself sends: all, if the handler has written nothing
		if r.ContentLength != 0 {
			last += idle // before that it reads the rest of the body, for idle at most
		}
		p.within(last)
	})
}

// pace moves the deadlines of a connection. A ResponseWriter that has none is a test's.
type pace struct {
	conn *http.ResponseController
	idle time.Duration
}

func (p pace) read()      { _ = p.conn.SetReadDeadline(time.Now().Add(p.idle)) }
func (p pace) write()     { p.within(p.idle) }
func (p pace) unhurried() { _ = p.conn.SetWriteDeadline(time.Time{}) }

func (p pace) within(d time.Duration) { _ = p.conn.SetWriteDeadline(time.Now().Add(d)) }

type pacedBody struct {
	io.ReadCloser
	pace pace
}

func (b pacedBody) Read(p []byte) (int, error) {
	b.pace.read()
	return b.ReadCloser.Read(p)
}

type pacedWriter struct {
	http.ResponseWriter
	pace pace
}

func (w pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w pacedWriter) WriteHeader(status int) {
	w.pace.write()
	w.ResponseWriter.WriteHeader(status)
}

func (w pacedWriter) Write(p []byte) (int, error) {
	w.pace.write()
	return w.ResponseWriter.Write(p)
}
