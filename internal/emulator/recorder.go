package emulator

import (
	"io"
	"net/http"
)

// recorder notes the status of an answer, and tells begins before anything of it is sent.
// Status 0 means that none has begun.
type recorder struct {
	http.ResponseWriter
	status int
	begins func()
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // 1xx is not the answer
		w.status = status
		w.begins()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(p)
}

// ReadFrom keeps net/http's way of sending files without copying them.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	w.begin()
	return io.Copy(w.ResponseWriter, src)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) begin() {
	if w.status == 0 {
		w.status = http.StatusOK
		w.begins()
	}
}
