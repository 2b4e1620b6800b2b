package decisions_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator"
)

// newWorldInMemory is newWorld without a network, for tests that let time pass: the
// clock of testing/synctest stands still while a connection is waited for.
func newWorldInMemory(t testing.TB) *world {
	t.Helper()
	a := open(t)
	w := &world{t: t, aws: a, dial: func() http.RoundTripper { return inMemory{a} }}
	w.furnish()
	return w
}

// inMemory hands requests to the account as if they had come over TLS.
type inMemory struct{ aws *emulator.AWS }

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.Host, in.RequestURI, in.RemoteAddr = r.URL.Host, r.URL.RequestURI(), "127.0.0.1:1"
	in.URL.Scheme, in.URL.Host = "", ""
	in.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	rec := httptest.NewRecorder()
	m.aws.ServeHTTP(rec, in)
	return rec.Result(), nil
}
