package signin_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/signin"
)

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
	if said, want := s.recorded(t, "login."), "login.create ok by user somebody@example.com from 127.0.0.1,login.revoke ok by user somebody@example.com from 127.0.0.1"; said != want {
		t.Errorf("records %q, want %q", said, want)
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
	const made = "user.admin ok by user boss@example.com from 127.0.0.1"
	if said := s.recorded(t, "user."); said != made+","+made {
		t.Errorf("recorded: %q", said)
	}
}

func TestOnlyAllowedDomainsAreLetIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *signin.Config) { cfg.AllowedDomains = []string{"example.com", "back.example.com"} })
	refused := 0
	for what, tc := range map[string]struct {
		email    any
		verified bool
		want     int
	}{
		"one of them": {"ann@Example.com", true, 200}, "not verified": {"ann@example.com", false, 403}, "another": {"ann@evil.example", true, 403},
		"below it": {"ann@sub.example.com", true, 403}, "two of them": {"ann@evil.example@example.com", true, 403}, "none": {nil, true, 403}, "one that folds to it": {"ann@bac\u212a.example.com", true, 403}, "one without strange letters": {"ann@back.example.com", true, 200},
	} {
		s.provider.Next(map[string]any{"email": tc.email, "email_verified": tc.verified})
		b := newBrowser(t)
		if got := b.get(s.url + "/auth/login"); got.StatusCode != tc.want {
			t.Errorf("%s: %d, want %d", what, got.StatusCode, tc.want)
		}
		if tc.want == http.StatusForbidden {
			refused++
		}
	}
	// Strangers share a record, which has their number.
	if said := s.recorded(t, "login.create"); strings.Count(said, "login.create denied NOT_LET_IN by unknown from 127.0.0.1") != 1 || refused == 0 {
		t.Errorf("recorded: %q", said)
	}
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
