package signin_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/audit"
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
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	cfg := signin.Config{
		PublicURL: server.URL, Issuer: s.provider.URL, ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"email"},
		Store: s.db, Tokens: s.tokens, Log: log,
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

func TestSignInWithABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := newBrowser(t)
	got := b.get(s.url + "/auth/login?return=/organizations%3Fx=1")
	if got.StatusCode != http.StatusOK || got.body != "home /organizations?x=1" {
		t.Fatalf("%d %q", got.StatusCode, got.body)
	}
	login := b.login(s)
	if u := s.user(t, login); u.Subject != "somebody" || u.Issuer != s.provider.URL || !u.Has("somebody@example.com") || u.InstanceAdmin {
		t.Errorf("signed in as %+v", u)
	}
	if got := b.post(s.url+"/auth/logout", nil); got.StatusCode != http.StatusOK || b.login(s) != "" {
		t.Errorf("signed out: %d, with login %q", got.StatusCode, b.login(s))
	}
	if _, err := s.tokens.Verify(t.Context(), login, ""); err == nil {
		t.Error("a copy of the login is good after signing out")
	}
	records, err := s.db.AuditRecords(t.Context(), audit.Installation, 1, 100, audit.Query{Newest: true, Limit: 10, ActionPrefix: "login."})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, r := range records {
		said = append(said, r.Action+" by "+string(r.Kind)+" "+strings.Split(r.Subject, "/")[0]+" from "+r.RemoteIP)
	}
	if want := "login.revoke by user somebody@example.com from 127.0.0.1,login.create by user somebody@example.com from 127.0.0.1"; strings.Join(said, ",") != want {
		t.Errorf("records %q, want %q", strings.Join(said, ","), want)
	}
	for _, text := range []string{login, clientSecret} {
		if strings.Contains(s.log.String(), text) {
			t.Error("a secret is in the log")
		}
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	for public, secure := range map[string]bool{"https://cas.example.com": true, "": false} {
		s := newSite(t, func(cfg *signin.Config) {
			if public != "" {
				cfg.PublicURL = public
			}
		})
		b := newBrowser(t)
		b.stopAt(s.provider.URL)
		cookies := b.get(s.url + "/auth/login").Cookies()
		if len(cookies) != 1 {
			t.Fatalf("%d cookies", len(cookies))
		}
		c := cookies[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure || c.Path != "/" || c.Domain != "" || c.MaxAge > 600 {
			t.Errorf("at %q: %+v", public, c)
		}
		w := httptest.NewRecorder()
		(auth.LoginCookie{Secure: secure}).Set(w, "x", time.Now().Add(time.Hour))
		if c := w.Result().Cookies()[0]; !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure {
			t.Errorf("at %q: %+v", public, c)
		}
	}
}

// atCallback brings a browser to where it would go back to us, and returns that URL.
func (s *site) atCallback(b *browser) *url.URL {
	b.t.Helper()
	b.stopAt("/auth/callback")
	where, err := b.get(s.url + "/auth/login").Location()
	if err != nil {
		b.t.Fatal(err)
	}
	return where
}

func TestCallbacksThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	refused := func(what string, b *browser, where *url.URL) {
		t.Helper()
		got := b.get(where.String())
		if got.StatusCode < 400 || got.StatusCode >= 500 || b.login(s) != "" {
			t.Errorf("%s: %d, login %q", what, got.StatusCode, b.login(s))
		}
	}
	for what, change := range map[string]func(url.Values){
		"another state":      func(q url.Values) { q.Set("state", "x") },
		"no state":           func(q url.Values) { q.Del("state") },
		"another code":       func(q url.Values) { q.Set("code", "x") },
		"another issuer":     func(q url.Values) { q.Set("iss", "https://evil.example") },
		"the issuer says no": func(q url.Values) { q.Set("error", "access_denied") },
	} {
		b := newBrowser(t)
		where := s.atCallback(b)
		query := where.Query()
		change(query)
		where.RawQuery = query.Encode()
		refused(what, b, where)
	}

	b := newBrowser(t)
	refused("in another browser", newBrowser(t), s.atCallback(b))

	victim, attacker := newBrowser(t), newBrowser(t)
	s.atCallback(victim)
	refused("somebody else's code in a browser that signs in", victim, s.atCallback(attacker))

	b = newBrowser(t)
	where := s.atCallback(b)
	if got := b.get(where.String()); got.StatusCode >= 400 || b.login(s) == "" {
		t.Fatalf("the right one: %d", got.StatusCode)
	}
	b.get(where.String())
	again := newBrowser(t)
	again.Jar = b.Jar
	b.post(s.url+"/auth/logout", nil)
	refused("the same once more", again, where)

	with := newBrowser(t)
	where = s.atCallback(with)
	query := where.Query()
	query.Set("iss", s.provider.URL)
	where.RawQuery = query.Encode()
	if got := with.get(where.String()); got.StatusCode >= 400 {
		t.Errorf("with the right issuer said: %d", got.StatusCode)
	}
}

func TestIDTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	now := time.Now()
	for what, claims := range map[string]map[string]any{
		"another nonce": {"nonce": "x"}, "no nonce": {"nonce": nil}, "another issuer": {"iss": "https://evil.example"},
		"another audience": {"aud": "other"}, "two audiences": {"aud": []string{clientID, "other"}}, "asked for by another": {"aud": []string{clientID, "other"}, "azp": "other"},
		"expired": {"exp": now.Add(-time.Minute).Unix()}, "no end": {"exp": nil}, "not yet": {"nbf": now.Add(time.Hour).Unix()},
		"a subject besides its own": {"sub": "mallory", "ſub": "ann"}, "a subject by another name": {"sub": nil, "SUB": "ann"},
		"a subject with a NUL": {"sub": "ann\x00"}, "a subject that turns around": {"sub": "nna\u202e"},
		"verified by another name": {"email_verified": nil, "Email_Verified": true},
		"no subject":               {"sub": ""}, "a long subject": {"sub": strings.Repeat("x", 256)},
	} {
		s.provider.Next(claims)
		b := newBrowser(t)
		if got := b.get(s.url + "/auth/login"); got.StatusCode != http.StatusBadRequest || b.login(s) != "" {
			t.Errorf("%s: %d, login %q", what, got.StatusCode, b.login(s))
		}
	}
	for what, claims := range map[string]map[string]any{
		"the longest subject": {"sub": strings.Repeat("x", 255)}, "two audiences, asked for by us": {"aud": []string{clientID, "other"}, "azp": clientID},
	} {
		s.provider.Next(claims)
		b := newBrowser(t)
		if got := b.get(s.url + "/auth/login"); got.StatusCode != http.StatusOK || b.login(s) == "" {
			t.Errorf("%s: %d", what, got.StatusCode)
		}
	}
}

func TestOnlyVerifiedAddressesCount(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *signin.Config) { cfg.InstanceAdmins = []string{"Boss@example.com"} })
	for what, tc := range map[string]struct {
		claims map[string]any
		admin  bool
	}{
		"verified":          {map[string]any{"sub": "1", "email": "boss@example.com", "email_verified": true}, true},
		"verified, as text": {map[string]any{"sub": "2", "email": "boss@example.com", "email_verified": "true"}, true},
		"unverified":        {map[string]any{"sub": "3", "email": "boss@example.com", "email_verified": false}, false},
		"not said":          {map[string]any{"sub": "4", "email": "boss@example.com", "email_verified": nil}, false},
		"said otherwise":    {map[string]any{"sub": "5", "email": "boss@example.com", "email_verified": 1}, false},
		"somebody else":     {map[string]any{"sub": "6", "email": "boss@example.com.evil", "email_verified": true}, false},
	} {
		s.provider.Next(tc.claims)
		b := newBrowser(t)
		b.get(s.url + "/auth/login")
		if u := s.user(t, b.login(s)); u.InstanceAdmin != tc.admin {
			t.Errorf("%s: administrator %t", what, u.InstanceAdmin)
		}
	}
}

func TestOnlyAllowedDomainsAreLetIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *signin.Config) { cfg.AllowedDomains = []string{"example.com"} })
	for what, tc := range map[string]struct {
		email    any
		verified bool
		want     int
	}{
		"one of them": {"ann@Example.com", true, 200}, "not verified": {"ann@example.com", false, 403}, "another": {"ann@evil.example", true, 403},
		"below it": {"ann@sub.example.com", true, 403}, "two of them": {"ann@evil.example@example.com", true, 403}, "none": {nil, true, 403},
	} {
		s.provider.Next(map[string]any{"email": tc.email, "email_verified": tc.verified})
		b := newBrowser(t)
		if got := b.get(s.url + "/auth/login"); got.StatusCode != tc.want {
			t.Errorf("%s: %d, want %d", what, got.StatusCode, tc.want)
		}
	}
}

// challenge returns a verifier and what is made of it.
func challenge() (verifier, made string) {
	verifier = strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	return verifier, base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestSignInOfAClient(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	verifier, made := challenge()
	code := func() string {
		t.Helper()
		b := newBrowser(t)
		b.stopAt("127.0.0.1:54321")
		where, err := b.get(s.url + "/auth/cli?" + url.Values{"port": {"54321"}, "challenge": {made}, "state": {"xyz"}, "name": {"laptop\x1b[31m"}}.Encode()).Location()
		if err != nil {
			t.Fatal(err)
		}
		if where.Host != "127.0.0.1:54321" || where.Scheme != "http" || where.Path != "/callback" || where.Query().Get("state") != "xyz" || b.login(s) != "" {
			t.Fatalf("back at %s, with login %q in the browser", where, b.login(s))
		}
		return where.Query().Get("code")
	}
	exchange := func(code, verifier string) map[string]any {
		t.Helper()
		b := newBrowser(t)
		var body map[string]any
		got := b.post(s.url+"/auth/cli/token", url.Values{"code": {code}, "code_verifier": {verifier}})
		if err := json.Unmarshal([]byte(got.body), &body); err != nil {
			t.Fatal(err)
		}
		return body
	}
	first := code()
	login, _ := exchange(first, verifier)["access_token"].(string)
	if u := s.user(t, login); u.Subject != "somebody" {
		t.Errorf("signed in as %+v", u)
	}
	if logins, err := s.db.Logins(t.Context(), s.user(t, login).ID); err != nil || logins[0].Client != "laptop[31m" {
		t.Errorf("logins %+v, %v", logins, err)
	}
	for what, body := range map[string]map[string]any{
		"the code once more": exchange(first, verifier), "another verifier": exchange(code(), "x"), "none": exchange(code(), ""), "no code": exchange("", verifier), "another code": exchange("x", verifier),
	} {
		if body["error"] != "invalid_grant" || body["access_token"] != nil {
			t.Errorf("%s: %v", what, body)
		}
	}
	second := code()
	exchange(second, "guessed")
	if body := exchange(second, verifier); body["error"] != "invalid_grant" {
		t.Errorf("a code survives a wrong verifier: %v", body)
	}
}

func TestAClientsCodeIsGivenForOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	u, err := s.db.SignIn(t.Context(), registry.Identity{Issuer: "x", Subject: "y"})
	if err != nil {
		t.Fatal(err)
	}
	verifier, made := challenge()
	now := time.Now()
	for code, expires := range map[string]time.Time{"good": now.Add(time.Minute), "late": now.Add(-time.Millisecond)} {
		c := registry.ClientCode{Sum: sha256.Sum256([]byte(code)), User: u.ID, Challenge: made, Client: "x", ExpiresAt: expires}
		if err := s.db.CreateClientCode(t.Context(), c, now.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	var together sync.WaitGroup
	given := make(chan string, 20)
	for range 20 {
		together.Go(func() {
			b := newBrowser(t)
			if got := b.post(s.url+"/auth/cli/token", url.Values{"code": {"good"}, "code_verifier": {verifier}}); got.StatusCode == http.StatusOK {
				given <- got.body
			}
		})
	}
	together.Wait()
	if len(given) != 1 {
		t.Errorf("one code gave %d logins", len(given))
	}
	if got := newBrowser(t).post(s.url+"/auth/cli/token", url.Values{"code": {"late"}, "code_verifier": {verifier}}); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a code whose time is over: %d", got.StatusCode)
	}
}

func TestClientsThatWaitElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, made := challenge()
	for what, tc := range map[string]struct {
		name, value string
		want        int
	}{
		"the first port": {"port", "1024", 303}, "one before": {"port", "1023", 400}, "the last port": {"port", "65535", 303}, "one after": {"port", "65536", 400},
		"a host": {"port", "1@evil.example:80", 400}, "no port": {"port", "", 400}, "a plain challenge": {"challenge", "x", 400}, "no state": {"state", "", 400},
		"the longest state": {"state", strings.Repeat("x", 128), 303}, "a longer one": {"state", strings.Repeat("x", 129), 400},
	} {
		query := url.Values{"port": {"54321"}, "challenge": {made}, "state": {"xyz"}}
		query.Set(tc.name, tc.value)
		b := newBrowser(t)
		b.stopAt(s.provider.URL)
		if got := b.get(s.url + "/auth/cli?" + query.Encode()); got.StatusCode != tc.want {
			t.Errorf("%s: %d, want %d", what, got.StatusCode, tc.want)
		}
	}
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

// What a provider lets people call themselves is shown to others, on pages and terminals.
func TestNamesAreHarmless(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *signin.Config) { cfg.InstanceAdmins = []string{"boss@example.com"} })
	for email, want := range map[string]string{
		" Ann@example.com ": "Ann@example.com", "änn@example.com": "änn@example.com",
		"boss\u200b@example.com": "", "boss\x00@example.com": "", "boss@example.com\u202e": "", "the boss@example.com": "", "ci": "", "app:repo:acme/app": "", "Boss <boss@example.com>": "", "a@b@example.com": "", "b\u00a0@example.com": "",
	} {
		s.provider.Next(map[string]any{"sub": "of " + strconv.QuoteToASCII(email), "email": email, "email_verified": true, "given_name": "A\x1b[2J\u202enn\u0000", "family_name": "Smith\n\u00a0 "})
		b := newBrowser(t)
		b.get(s.url + "/auth/login")
		if u := s.user(t, b.login(s)); u.Email != want || u.FirstName != "A[2Jnn" || u.LastName != "Smith" || u.InstanceAdmin {
			t.Errorf("%q: %q, %q %q, administrator %t", email, u.Email, u.FirstName, u.LastName, u.InstanceAdmin)
		}
	}
}
