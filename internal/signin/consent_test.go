package signin_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// asks has a client open a browser, which is asked about it.
func (s *site) asks(b *browser, challenge, name string) page {
	b.t.Helper()
	b.stopAt("127.0.0.1:54321")
	return b.get(s.url + "/auth/cli?" + url.Values{"port": {"54321"}, "challenge": {challenge}, "state": {"xyz"}, "name": {name}}.Encode())
}

// decides answers, and returns where the browser is sent then.
func (s *site) decides(t *testing.T, b *browser, form, decision string) *url.URL {
	t.Helper()
	got := b.post(s.url+"/auth/cli", url.Values{"csrf": {form}, "decision": {decision}})
	where, err := got.Location()
	if err != nil {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	return where
}

// Who is known to the provider is signed in with a click on any link: the command line that
// gets a login by that is one that somebody has said is theirs.
func TestNobodySignsInAClientUnasked(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, made := challenge()
	b := newBrowser(t)
	seen := s.asks(b, made, `<script>alert(1)</script>`)
	for _, want := range []string{"somebody@example.com", "54321", html.EscapeString("<script>")} {
		if !strings.Contains(seen.body, want) {
			t.Errorf("the page does not say %q: %s", want, seen.body)
		}
	}
	if seen.StatusCode != http.StatusOK || seen.Header.Get("Location") != "" || strings.Contains(seen.body, "<script>") || b.login(s) != "" {
		t.Errorf("unasked: %d, to %q, with login %q", seen.StatusCode, seen.Header.Get("Location"), b.login(s))
	}
	// A browser follows the redirect of a form only to where its page may send forms.
	if policy := seen.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http://127.0.0.1:54321; frame-ancestors 'none'") {
		t.Errorf("policy %q", policy)
	}
	form := formOf(t, seen)
	where := s.decides(t, b, form, "deny")
	if where.Host != "127.0.0.1:54321" || where.Path != "/callback" || where.RawQuery != "error=access_denied&state=xyz" {
		t.Errorf("denied, and sent to %s", where)
	}
	if got := b.post(s.url+"/auth/cli", url.Values{"csrf": {form}, "decision": {"approve"}}); got.StatusCode != http.StatusForbidden {
		t.Errorf("asked once, and answered twice: %d", got.StatusCode)
	}
}

func TestFormsOfOthersSignInNoClient(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	_, made := challenge()
	victim, attacker := newBrowser(t), newBrowser(t)
	theirs := formOf(t, s.asks(attacker, made, "x"))
	own := formOf(t, s.asks(victim, made, "x"))
	for what, form := range map[string]string{"no form": "", "somebody else's form": theirs, "a form that is none": "x"} {
		if got := victim.post(s.url+"/auth/cli", url.Values{"csrf": {form}, "decision": {"approve"}}); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", what, got.StatusCode)
		}
	}
	if got := newBrowser(t).post(s.url+"/auth/cli", url.Values{"csrf": {own}, "decision": {"approve"}}); got.StatusCode != http.StatusForbidden {
		t.Errorf("in another browser: %d", got.StatusCode)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/auth/cli", strings.NewReader(url.Values{"csrf": {own}, "decision": {"approve"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", "https://evil.example")
	if got := victim.read(victim.Do(req)); got.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %d", got.StatusCode)
	}
	if where := s.decides(t, victim, own, "approve"); where.Query().Get("code") == "" {
		t.Errorf("their own: %s", where)
	}
}
