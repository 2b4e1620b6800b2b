package signin_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/registry"
)

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
		where := s.decides(t, b, formOf(t, s.asks(b, made, "laptop\x1b[31m")), "approve")
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
	for code, expires := range map[string]time.Time{"good": now.Add(time.Hour), "late": now.Add(-time.Millisecond)} {
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
