package controlplane_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
)

// get asks for the download of something with a token, over HTTP.
func (p *plane) get(t *testing.T, token, organization string) *httptest.ResponseRecorder {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/download/"+digest.Of([]byte("x")).String(), nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Chainloop-Organization", organization)
	r.Header.Set("User-Agent", "agent")
	p.server.HTTPHandler(nil).ServeHTTP(w, r)
	return w
}

// TestDownloadsOverHTTPAreCalls: one that is refused is recorded, as over gRPC, and each has a
// line in the log, without its token.
func TestDownloadsOverHTTPAreCalls(t *testing.T) {
	t.Parallel()
	p := newPlaneOf(t, func(cfg *controlplane.Config) { cfg.PublicCAS = "https://cas.example.com" })
	acme := p.organization(t, "acme", org.Ready)
	text, record, err := p.tokens.Issue(t.Context(), auth.NewToken{Organization: acme, Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	if w := p.get(t, text, ""); w.Code != http.StatusFound || w.Header().Get("Managedcas-Request-Id") == "" {
		t.Errorf("HTTP %d %v", w.Code, w.Header())
	}
	if w := p.get(t, text, "globex"); w.Code != http.StatusForbidden {
		t.Errorf("in another organization: HTTP %d", w.Code)
	}
	own := p.refusals(t, audit.Of(acme.ID), 1)[0]
	if own.Object != "method/controlplane.v1.CASRedirectService/GetDownloadURL" || own.Subject != "ci/"+record.ID.String() ||
		own.Details["organization"] != "globex" || own.RemoteIP != "192.0.2.1" || own.UserAgent != "agent" || own.RequestID == "" {
		t.Errorf("%+v", own)
	}
	if w := p.get(t, "swordfish", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("a made-up token: HTTP %d", w.Code)
	}
	p.refusals(t, audit.Installation, 1)
	if n := strings.Count(p.log.String(), "CASRedirectService/GetDownloadURL"); n != 3 || strings.Contains(p.log.String(), text) {
		t.Errorf("%d lines of 3 downloads:\n%s", n, p.log)
	}
}

// TestDownloadsOverHTTPHaveTheirTime: as every call has.
func TestDownloadsOverHTTPHaveTheirTime(t *testing.T) {
	t.Parallel()
	p := newPlaneOf(t, func(cfg *controlplane.Config) {
		cfg.PublicCAS, cfg.Limits = "https://cas.example.com", controlplane.Limits{CallTime: time.Nanosecond}
	})
	text := p.token(t, p.organization(t, "acme", org.Ready))
	if w := p.get(t, text, ""); w.Code != http.StatusServiceUnavailable && w.Code != http.StatusGatewayTimeout {
		t.Errorf("HTTP %d %s, want an error that says to try again", w.Code, w.Body)
	}
}
