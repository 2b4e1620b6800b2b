package signin_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/signin"
	"github.com/managedcas/managedcas/test/issuer"
)

const (
	clientID     = "managedcas"
	clientSecret = "sixteen bytes ok"
)

// site is the sign-in of a control plane, and its provider.
type site struct {
	url      string
	provider *issuer.Issuer
	db       *database.DB
	audit    *auditlog.Log
	tokens   *auth.Tokens
	log      *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newSite(t *testing.T, change func(*signin.Config)) *site {
	t.Helper()
	s := &site{provider: issuer.New(t), log: &syncBuffer{}}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	var err error
	if s.db, err = database.Open(t.Context(), databasetest.SQLite(t, database.Migrate)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.db.Close() })
	ring, err := auth.OpenKeyRing(t.Context(), s.db, registry.KeyUseAPI)
	if err != nil {
		t.Fatal(err)
	}
	s.tokens = auth.NewTokens(s.db, s.db, ring, log)
	s.audit = auditlog.New(auditlog.Config{Store: s.db, Log: log, Drain: time.Minute})
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	cfg := signin.Config{
		PublicURL: server.URL, Issuer: s.provider.URL, ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"email"},
		Store: s.db, Tokens: s.tokens, Audit: s.audit, Log: log,
	}
	if change != nil {
		change(&cfg)
	}
	pages, err := signin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/auth/", pages)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "home "+r.URL.RequestURI()) })
	return s
}

// browser keeps cookies and follows redirects, as far as it is let.
type browser struct {
	*http.Client

	t *testing.T
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar}, t}
}

// stopAt has it follow redirects only until the next one leads to a URL with that in it.
func (b *browser) stopAt(part string) {
	b.CheckRedirect = func(next *http.Request, _ []*http.Request) error {
		if strings.Contains(next.URL.String(), part) {
			return http.ErrUseLastResponse
		}
		return nil
	}
}

// page is what a browser got.
type page struct {
	*http.Response

	body string
}

func (b *browser) read(resp *http.Response, err error) page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{resp, string(body)}
}

func (b *browser) get(url string) page {
	b.t.Helper()
	return b.read(b.Get(url))
}

func (b *browser) post(url string, form url.Values) page {
	b.t.Helper()
	return b.read(b.PostForm(url, form))
}

// login returns the login that the browser has; empty: none.
func (b *browser) login(s *site) string {
	b.t.Helper()
	u, _ := url.Parse(s.url)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == "managedcas_login" {
			return c.Value
		}
	}
	return ""
}

func (s *site) user(t *testing.T, login string) registry.User {
	t.Helper()
	caller, err := s.tokens.Verify(t.Context(), login, "")
	if err != nil {
		t.Fatal(err)
	}
	u, ok := caller.User()
	if !ok {
		t.Fatalf("the caller is a %s", caller.Kind())
	}
	return u
}

// recorded returns what the audit log of the installation has of actions, after what waits
// is written.
func (s *site) recorded(t *testing.T, actions string) string {
	t.Helper()
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.audit.Run(ended); err != nil {
		t.Fatal(err)
	}
	records, err := s.db.AuditRecords(t.Context(), audit.Installation, 1, 1000, audit.Query{Limit: 1000, ActionPrefix: actions})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, r := range records {
		said = append(said, strings.TrimSpace(r.Action+" "+string(r.Outcome)+" "+r.Reason)+" by "+strings.TrimSpace(string(r.Kind)+" "+strings.Split(r.Subject, "/")[0])+" from "+r.RemoteIP)
	}
	return strings.Join(said, ",")
}

var hidden = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func formOf(t *testing.T, p page) string {
	t.Helper()
	found := hidden.FindStringSubmatch(p.body)
	if found == nil {
		t.Fatalf("no form in %d %s", p.StatusCode, p.body)
	}
	return found[1]
}
