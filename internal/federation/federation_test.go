package federation_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/federation"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/issuer"
)

func TestAPipelineThatIsTrustedGetsAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for what, claims := range map[string]map[string]any{
		"as it is": nil, "without an id": {"jti": nil}, "a pattern": {"sub": "repo:acme/lib:pull_request"}, "the owner's number as a number": {"repository_owner_id": 583231},
		"an audience in a list": {"aud": []string{audience}},
	} {
		text, expires, err := w.federation.Exchange(t.Context(), "acme", w.job(t, claims))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if left := time.Until(expires); left > 10*time.Minute || left < 9*time.Minute {
			t.Errorf("%s: it lasts %s", what, left)
		}
		caller, err := w.tokens.Verify(t.Context(), text, "acme")
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if o, _ := caller.Organization(); caller.Kind() != auth.PipelineToken || o.ID != w.acme.ID || caller.Instance() ||
			!strings.HasPrefix(caller.Subject(), "app:repo:acme/") || !strings.HasSuffix(caller.Subject(), "/"+w.trust.ID.String()) {
			t.Errorf("%s: the caller is %q, a %s, in %s", what, caller.Subject(), caller.Kind(), o.ID)
		}
		if _, err := w.tokens.Verify(t.Context(), text, "globex"); problem.KindOf(err) != problem.Denied {
			t.Errorf("%s: naming globex: %v", what, err)
		}
	}
}

func TestPipelinesThatAreNotTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now()
	for what, claims := range map[string]map[string]any{
		"another branch":           {"sub": "repo:acme/app:ref:refs/heads/evil"},
		"another owner":            {"sub": "repo:acme-evil/lib:pull_request"},
		"more behind it":           {"sub": subject + "x"},
		"no subject":               {"sub": nil},
		"a subject of 256":         {"sub": "repo:acme/lib:" + strings.Repeat("x", 256-len("repo:acme/lib:"))},
		"a subject with a newline": {"sub": "repo:acme/lib:\n"},
		"another audience":         {"aud": "sts.amazonaws.com"},
		"two audiences":            {"aud": []string{audience, "sts.amazonaws.com"}},
		"no audience":              {"aud": nil},
		"the name of the audience in another case": {"aud": strings.ToUpper(audience)},
		"another owner of that name":               {"repository_owner_id": "1"},
		"without the claim":                        {"repository_owner_id": nil},
		"the claim in a list":                      {"repository_owner_id": []string{"583231"}},
		"another issuer":                           {"iss": "https://evil.example"},
		"the other issuer's name":                  {"iss": w.other.URL},
		"the issuer with a slash":                  {"iss": w.github.URL + "/"},
		"not yet":                                  {"nbf": now.Add(time.Hour).Unix()},
		"issued in the future":                     {"iat": now.Add(time.Hour).Unix()},
		"issued too long ago":                      {"iat": now.Add(-25 * time.Hour).Unix()},
		"never issued":                             {"iat": nil},
		"a subject besides its own":                {"sub": "repo:evil/app:ref:refs/heads/main", "ſub": subject},
		"a subject by another name":                {"sub": nil, "Sub": subject},
		"an end by another name":                   {"exp": nil, "Exp": now.Add(time.Minute).Unix()},
	} {
		if _, err := w.exchange(t, w.job(t, claims)); problem.KindOf(err) != problem.Denied {
			t.Errorf("%s: %v, want it denied", what, err)
		}
	}
	for what, claims := range map[string]map[string]any{"over": {"exp": now.Add(-time.Second).Unix()}, "without an end": {"exp": nil}} {
		if _, err := w.exchange(t, w.job(t, claims)); problem.KindOf(err) != problem.Unauthenticated {
			t.Errorf("%s: %v", what, err)
		}
	}
	longest := "repo:acme/lib:" + strings.Repeat("x", 255-len("repo:acme/lib:"))
	if _, err := w.exchange(t, w.job(t, map[string]any{"sub": longest})); err != nil {
		t.Errorf("a subject of 255: %v", err)
	}
}

// The other provider's tokens are good; acme does not trust it.
func TestAnotherProviderSaysTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.other.Sign(t, map[string]any{"sub": subject, "aud": audience, "repository_owner_id": "583231"})
	if _, err := w.exchange(t, token); problem.KindOf(err) != problem.Denied {
		t.Errorf("%v, want it denied", err)
	}
}

func TestTheAnswerTellsNothingOfOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var said []string
	for _, name := range []string{"globex", "nobody", "No Name", ""} {
		_, _, err := w.federation.Exchange(t.Context(), name, w.job(t, nil))
		said = append(said, problem.From(err).Public())
	}
	_, err := w.exchange(t, w.job(t, map[string]any{"sub": "repo:evil/app:x"}))
	for _, s := range said {
		if want := problem.From(err).Public(); s != want {
			t.Errorf("%q, want %q as for all", s, want)
		}
	}
}

func TestATrustThatEndsEndsItsTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, err := w.exchange(t, w.job(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	verify := func(when string, want bool) {
		t.Helper()
		if _, err := w.tokens.Verify(t.Context(), text, ""); (err == nil) != want || err != nil && problem.KindOf(err) != problem.Unauthenticated {
			t.Errorf("%s: %v", when, err)
		}
	}
	set := func(enabled bool) {
		t.Helper()
		if err := w.db.SetTrustEnabled(t.Context(), w.acme.ID, w.trust.ID, enabled); err != nil {
			t.Fatal(err)
		}
	}
	verify("at first", true)
	set(false)
	verify("disabled", false)
	if _, err := w.exchange(t, w.job(t, nil)); problem.KindOf(err) != problem.Denied {
		t.Errorf("exchanged while disabled: %v", err)
	}
	set(true)
	verify("enabled again", true)
	if err := w.db.DeleteTrust(t.Context(), w.globex.ID, w.trust.ID); err == nil {
		t.Error("globex deleted a trust of acme")
	}
	if err := w.db.DeleteTrust(t.Context(), w.acme.ID, w.trust.ID); err != nil {
		t.Fatal(err)
	}
	verify("deleted", false)
}

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.job(t, nil)
	if _, err := w.exchange(t, good); err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	forged := func(header map[string]any, signature string) string {
		encoded, _ := json.Marshal(header)
		return base64.RawURLEncoding.EncodeToString(encoded) + "." + body + "." + signature
	}
	claims := map[string]any{"iss": w.github.URL, "sub": subject, "aud": audience, "repository_owner_id": "583231", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	shared, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}, (&jose.SignerOptions{}).WithHeader("kid", "first"))
	if err != nil {
		t.Fatal(err)
	}
	symmetric, err := jwt.Signed(shared).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	stranger := issuer.New(t).Sign(t, claims) // with a key of the same id
	for what, token := range map[string]string{
		"nothing": "", "no token": "swordfish", "no signature": forged(map[string]any{"alg": "none"}, ""),
		"alg none with one": forged(map[string]any{"alg": "none", "kid": "first"}, signature), "a shared secret": symmetric,
		"another key": stranger, "cut": good[:len(good)-4], "changed": head + "." + body[:len(body)-4] + "AAAA." + signature,
		"a key of its own": forged(map[string]any{"alg": "RS256", "jku": "https://evil.example/keys"}, signature), "too long": good + strings.Repeat("A", 12<<10),
	} {
		if _, err := w.exchange(t, token); problem.KindOf(err) != problem.Denied {
			t.Errorf("%s: %v, want it denied", what, err)
		}
	}
	// One of ours is no provider's.
	ours, err := w.exchange(t, w.job(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.exchange(t, ours); problem.KindOf(err) != problem.Denied {
		t.Errorf("a token of ours: %v", err)
	}
}

func TestAProviderThatIsAwayIsNoRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.github.Down(true)
	if _, err := w.exchange(t, w.job(t, nil)); problem.KindOf(err) != problem.Unavailable {
		t.Errorf("while it is away: %v (DESIGN I12)", err)
	}
}

// A provider that an operator allows is asked on its own host alone, wherever its document
// points.
func TestKeysAreOnTheIssuersHost(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	t.Cleanup(elsewhere.Close)
	for what, say := range map[string]func(*issuer.Issuer){
		"keys on another host":  func(i *issuer.Issuer) { i.Say("jwks_uri", elsewhere.URL+"/keys") },
		"keys in a file":        func(i *issuer.Issuer) { i.Say("jwks_uri", "file:///etc/passwd") },
		"about another issuer":  func(i *issuer.Issuer) { i.Say("issuer", "https://token.actions.githubusercontent.com") },
		"keys with a user name": func(i *issuer.Issuer) { i.Say("jwks_uri", strings.Replace(i.URL, "//", "//u:p@", 1)+"/keys") },
	} {
		w := newWorld(t)
		say(w.github)
		if _, err := w.exchange(t, w.job(t, nil)); problem.KindOf(err) != problem.Unavailable {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestIssuersThatMayBeAllowed(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://gitlab.com": true, "https://gitlab.example.com:8443/auth": true, "http://127.0.0.1:8080": true, "http://localhost:1": true, "http://[::1]:1": true,
		"http://gitlab.com": false, "http://127.0.0.1.evil.example": false, "https://": false, "": false, "https://gitlab.com/": false,
		"https://u:p@gitlab.com": false, "https://gitlab.com?x": false, "file:///etc": false, "http://169.254.169.254": false,
	} {
		if err := federation.CheckIssuer(url); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestExchangeOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := httptest.NewServer(w.federation)
	t.Cleanup(server.Close)
	post := func(form url.Values) (int, map[string]any) {
		t.Helper()
		resp, err := http.PostForm(server.URL, form)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var body map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		if resp.Header.Get("Cache-Control") != "no-store" {
			t.Error("an answer with a token may be cached")
		}
		return resp.StatusCode, body
	}
	form := url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"}, "subject_token": {w.job(t, nil)}, "audience": {"acme"},
	}
	status, body := post(form)
	text, _ := body["access_token"].(string)
	if _, err := w.tokens.Verify(t.Context(), text, "acme"); status != 200 || err != nil || body["token_type"] != "Bearer" {
		t.Errorf("%d %v, %v", status, body, err)
	}
	for _, wrong := range []struct{ name, value, want string }{
		{"grant_type", "password", "unsupported_grant_type"}, {"subject_token_type", "x", "invalid_request"},
		{"audience", "globex", "invalid_grant"}, {"subject_token", strings.Repeat("x", 17<<10), "invalid_request"},
	} {
		changed := url.Values{}
		for k, v := range form {
			changed[k] = v
		}
		changed.Set(wrong.name, wrong.value)
		if status, body := post(changed); status != 400 || body["error"] != wrong.want {
			t.Errorf("%s: %d %v, want %s", wrong.name, status, body, wrong.want)
		}
	}
}
