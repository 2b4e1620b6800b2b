package webidentity_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/webidentity"
)

func verify(t *testing.T, keys webidentity.KeySource, p webidentity.Provider, token string) error {
	t.Helper()
	_, err := webidentity.Verify(t.Context(), keys, p, token, time.Now())
	return err
}

func TestKeysAreKept(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, httptest.NewServer)
	keys := webidentity.NewIssuersOutOfTime()
	for range 3 {
		if err := verify(t, keys, i.provider(), i.token(t, "one", nil)); err != nil {
			t.Fatal(err)
		}
		// Made-up key ids do not make the issuer answer again.
		if err := verify(t, keys, i.provider(), i.token(t, "made-up", nil)); code(err) != "InvalidIdentityToken" {
			t.Fatal(err)
		}
	}
	if n := i.fetched.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// An issuer is held to https; its host proves its name by the system's authorities or
// by a certificate whose thumbprint the provider lists.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, httptest.NewTLSServer)
	token := i.token(t, "one", nil)
	p := i.provider()
	if err := verify(t, webidentity.NewIssuers(), p, token); code(err) != "IDPCommunicationError" || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a host without authority: %v", err)
	}
	p.Thumbprints = []string{strings.Repeat("0", 40)}
	if err := verify(t, webidentity.NewIssuers(), p, token); code(err) != "IDPCommunicationError" {
		t.Errorf("another thumbprint: %v", err)
	}
	p.Thumbprints = append(p.Thumbprints, strings.ToUpper(thumbprint(i.srv)))
	if err := verify(t, webidentity.NewIssuers(), p, token); err != nil {
		t.Errorf("the host's thumbprint: %v", err)
	}
}

func TestIssuerMisbehaves(t *testing.T) {
	t.Parallel()
	elsewhere := newIssuer(t, httptest.NewServer)
	for _, row := range []struct {
		name      string
		discovery map[string]any
		answer    http.HandlerFunc
		code      string
	}{
		{"document of another", map[string]any{"issuer": elsewhere.srv.URL}, nil, "InvalidIdentityToken"},
		{"keys over http in the open", map[string]any{"jwks_uri": "http://192.0.2.1/keys"}, nil, "IDPCommunicationError"},
		{"keys in a file", map[string]any{"jwks_uri": "file:///etc/passwd"}, nil, "IDPCommunicationError"},
		{"no keys", map[string]any{"jwks_uri": nil}, nil, "IDPCommunicationError"},
		{"redirect", nil, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.srv.URL+r.URL.Path, http.StatusFound)
		}, "IDPCommunicationError"},
		{"failing", nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "IDPCommunicationError"},
		{"no JSON", nil, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "InvalidIdentityToken"},
		{"endless", nil, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, io.LimitReader(endless{}, 10<<20))
		}, "IDPCommunicationError"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t, httptest.NewServer)
			i.discovery, i.answer = row.discovery, row.answer
			if err := verify(t, webidentity.NewIssuers(), i.provider(), i.token(t, "one", nil)); code(err) != row.code {
				t.Errorf("got %v, want %s", err, row.code)
			}
		})
	}
	if elsewhere.fetched.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestIssuerIsGone(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, httptest.NewServer)
	token, p := i.token(t, "one", nil), i.provider()
	i.srv.Close()
	if err := verify(t, webidentity.NewIssuers(), p, token); code(err) != "IDPCommunicationError" {
		t.Errorf("got %v", err)
	}
}

// Anybody may send tokens of an issuer that does not answer: those who leave must not
// wait, and one failure must do for all who come with it.
func TestIssuerIsSilent(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, httptest.NewServer)
	token, p := i.token(t, "one", nil), i.provider()
	asked, answer := make(chan struct{}, 100), make(chan struct{})
	i.answer = func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-answer
		w.WriteHeader(http.StatusBadGateway)
	}
	keys := webidentity.NewIssuersOutOfTime()
	failures := make(chan error, 2)
	for range cap(failures) {
		go func() { failures <- verify(t, keys, p, token) }()
	}
	<-asked

	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := webidentity.Verify(gone, keys, p, token, time.Now()); !errors.Is(err, context.Canceled) {
		t.Errorf("who has left is told %v", err)
	}
	close(answer)
	for range cap(failures) {
		if err := <-failures; code(err) != "IDPCommunicationError" {
			t.Errorf("got %v", err)
		}
	}
	if n := len(asked); n != 0 {
		t.Errorf("the issuer was asked %d times more", n)
	}
}

// endless is a document that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
