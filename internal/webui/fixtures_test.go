package webui_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/webui"
)

// site is the pages of a control plane on a real database.
type site struct {
	handler http.Handler
	db      *database.DB
	tokens  *auth.Tokens
	admin   string // an instance token
	stop    func() // of the services behind the pages
}

func newSite(t *testing.T, limits controlplane.Limits, loginURL ...string) *site {
	t.Helper()
	return newSiteOf(t, func(cfg *controlplane.Config) { cfg.Limits, cfg.LoginURL = limits, strings.Join(loginURL, "") })
}

// newSiteOf is a site whose control plane has another configuration.
func newSiteOf(t *testing.T, change func(*controlplane.Config)) *site {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	db, err := database.Open(t.Context(), databasetest.SQLite(t, database.Migrate))
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	ring, err := auth.OpenKeyRing(t.Context(), db, registry.KeyUseAPI)
	must(t, err)
	keys, err := auth.OpenKeyRing(t.Context(), db, registry.KeyUseCAS)
	must(t, err)
	signer, err := auth.NewCASSigner(keys, 0)
	must(t, err)
	s := &site{db: db, tokens: auth.NewTokens(db, db, ring, log)}
	cfg := controlplane.Config{
		Store: db, Tokens: s.tokens, Signer: signer, Keys: keys, Log: log, Version: "test", MaxArtifactBytes: 3 << 20,
		Audit: auditlog.New(auditlog.Config{Store: db, Log: log}),
	}
	change(&cfg)
	if cfg.Limits.CallTime == 0 {
		cfg.Limits.CallTime = time.Minute // others compute beside it
	}
	api := controlplane.New(cfg)
	server := grpc.NewServer(api.ServerOptions()...)
	api.Register(server)
	listener, conn, err := webui.InProcess()
	must(t, err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = conn.Close(); server.Stop() })
	s.stop = server.Stop
	pages, err := webui.New(webui.Config{API: conn, Log: log, Version: "test"})
	must(t, err)
	s.handler = api.HTTPHandler(pages)
	s.admin = s.token(t, org.Organization{})
	return s
}

func (s *site) token(t *testing.T, o org.Organization) string {
	t.Helper()
	text, _, err := s.tokens.Issue(t.Context(), auth.NewToken{Organization: o, Name: "test", Replace: true})
	must(t, err)
	return text
}

// organization makes one in a state, with its members.
func (s *site) organization(t *testing.T, name string, state org.State, members ...registry.User) org.Organization {
	t.Helper()
	now := time.Now()
	o := org.Organization{ID: org.NewID(), Name: org.Name(name), State: org.Pending, CreatedAt: now, UpdatedAt: now}
	var all []registry.Membership
	for _, u := range members {
		all = append(all, registry.NewMembership(o.ID, u.ID, registry.Viewer, now))
	}
	must(t, s.db.CreateOrganization(t.Context(), o, all...))
	if state == org.Ready {
		must(t, s.db.SaveManagedBackend(t.Context(), o.ID))
	}
	if state != org.Pending {
		var err error
		o, err = s.db.SetOrganizationState(t.Context(), o.ID, state, "")
		must(t, err)
	}
	return o
}

// user is somebody, and their login.
func (s *site) user(t *testing.T, name string) (registry.User, string) {
	t.Helper()
	u, err := s.db.SignIn(t.Context(), registry.Identity{Issuer: "https://id.example", Subject: name, Email: name + "@example.com", EmailVerified: true})
	must(t, err)
	login, _, err := s.tokens.LogIn(t.Context(), u, "browser", 0)
	must(t, err)
	return u, login
}

// get asks for a page with a token, or with none.
func (s *site) get(t *testing.T, token, path string, header ...string) *answer {
	t.Helper()
	return s.ask(t, httptest.NewRequest(http.MethodGet, path, nil), token, header...)
}

// post sends a form, as a page of the site does.
func (s *site) post(t *testing.T, token, path string, form url.Values, header ...string) *answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.ask(t, r, token, append([]string{"Sec-Fetch-Site", "same-origin"}, header...)...)
}

func (s *site) ask(t *testing.T, r *http.Request, token string, header ...string) *answer {
	t.Helper()
	if token != "" {
		r.AddCookie(&http.Cookie{Name: "managedcas_login", Value: token})
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Del(header[i])
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	resp := w.Result()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return &answer{Response: resp, body: string(body)}
}

type answer struct {
	*http.Response

	body string
}

// is fails unless the answer has a status and, in its page, all of the words.
func (a *answer) is(t *testing.T, status int, words ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status %d, want %d: %s", a.StatusCode, status, a.body)
	}
	for _, word := range words {
		if !strings.Contains(a.body, word) {
			t.Errorf("no %q in %s", word, a.body)
		}
	}
}

// goes fails unless the answer redirects to a path.
func (a *answer) goes(t *testing.T, path string) {
	t.Helper()
	if got := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || got != path {
		t.Errorf("status %d to %q, want 303 to %q: %s", a.StatusCode, got, path, a.body)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) request(path string) *http.Request {
	return httptest.NewRequest(http.MethodGet, path, nil)
}
