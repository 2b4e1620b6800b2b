package signin_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/signin"
)

// device is a machine that waits.
type device struct {
	t    *testing.T
	site *site

	Code     string `json:"device_code"`
	UserCode string `json:"user_code"`
	URL      string `json:"verification_uri"`
	Interval int    `json:"interval"`
}

func (s *site) device(t *testing.T, name string) *device {
	t.Helper()
	d := &device{t: t, site: s}
	got := newBrowser(t).post(s.url+"/auth/device/code", url.Values{"client": {name}})
	if err := json.Unmarshal([]byte(got.body), d); err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s, %v", got.StatusCode, got.body, err)
	}
	return d
}

// polls asks how it stands, as if its interval were over.
func (d *device) polls() map[string]any {
	d.t.Helper()
	var body map[string]any
	got := newBrowser(d.t).post(d.site.url+"/auth/device/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {d.Code},
	})
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		d.t.Fatal(err)
	}
	return body
}

// shown has the browser type the code, and returns the page about the device.
func (d *device) shown(b *browser, code string) page {
	d.t.Helper()
	form := formOf(d.t, b.get(d.URL))
	return b.post(d.URL, url.Values{"csrf": {form}, "code": {code}})
}

func (d *device) decide(b *browser, decision string) page {
	d.t.Helper()
	seen := d.shown(b, strings.ToLower(d.UserCode))
	return b.post(d.URL, url.Values{"csrf": {formOf(d.t, seen)}, "code": {d.UserCode}, "decision": {decision}})
}

func TestSignInOfADevice(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	d := s.device(t, `<script>alert(1)</script>`)
	if len(d.Code) < 43 || !regexp.MustCompile(`^[B-Z]{4}-[B-Z]{4}$`).MatchString(d.UserCode) || d.Interval != 5 || d.URL != s.url+"/auth/device" {
		t.Errorf("%+v", d)
	}
	b := newBrowser(t)
	seen := d.shown(b, d.UserCode)
	if !strings.Contains(seen.body, d.UserCode) || !strings.Contains(seen.body, "127.0.0.1") || !strings.Contains(seen.body, html.EscapeString(`<script>`)) || strings.Contains(seen.body, "<script>") {
		t.Errorf("the page about it: %s", seen.body)
	}
	if got := d.decide(b, "approve"); got.StatusCode != http.StatusOK {
		t.Fatalf("approved: %d %s", got.StatusCode, got.body)
	}
	answer := d.polls()
	login, _ := answer["access_token"].(string)
	if u := s.user(t, login); u.Subject != "somebody" || login == b.login(s) {
		t.Errorf("signed in as %+v", u)
	}
	if answer := d.polls(); answer["error"] != "expired_token" {
		t.Errorf("an approval is told twice: %v", answer)
	}
}

func TestDevicesWait(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	d := s.device(t, "x")
	if got := d.polls(); got["error"] != "authorization_pending" {
		t.Errorf("%v, want authorization_pending", got)
	}
	poll := func(at time.Time) (registry.Device, error) {
		return s.db.PollDevice(t.Context(), sha256.Sum256([]byte(d.Code)), at)
	}
	// The times are the test's: on a slow machine an interval ends between two of its calls.
	if got, err := poll(time.Now().Add(5 * time.Minute)); err != nil || got.State != registry.DevicePending {
		t.Errorf("after its interval: %+v, %v", got, err)
	}
	at := time.Now()
	if got := d.polls(); got["error"] != "slow_down" { // as of at, or later
		t.Errorf("%v, want slow_down", got)
	}
	// Its time moves on: it has to wait ten seconds now, and five more each time it does not.
	for _, waits := range []time.Duration{9 * time.Second, 14 * time.Second, 19 * time.Second} {
		at = at.Add(waits)
		if _, err := poll(at); err != registry.ErrTooSoon {
			t.Errorf("after %s, a second less than it has to wait: %v", waits, err)
		}
	}
	at = at.Add(25 * time.Second)
	if got, err := poll(at); err != nil || got.State != registry.DevicePending {
		t.Errorf("after its interval: %+v, %v", got, err)
	}
	if _, err := poll(time.Now().Add(10 * time.Minute)); err == nil {
		t.Error("it waits for longer than ten minutes")
	}

	no := s.device(t, "x")
	b := newBrowser(t)
	b.get(s.url + "/auth/login")
	no.decide(b, "deny")
	if got := no.polls(); got["error"] != "access_denied" {
		t.Errorf("denied: %v", got)
	}
	other := s.device(t, "x")
	other.Code = "x"
	if got := other.polls(); got["error"] != "expired_token" {
		t.Errorf("a code that is none: %v", got)
	}
}

func TestFormsOfOthersApproveNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	d := s.device(t, "x")
	victim, attacker := newBrowser(t), newBrowser(t)
	victim.get(s.url + "/auth/login")
	s.provider.Next(map[string]any{"sub": "attacker"})
	attacker.get(s.url + "/auth/login")
	stolen := formOf(t, attacker.get(d.URL))
	approve := url.Values{"code": {d.UserCode}, "decision": {"approve"}}
	for what, form := range map[string]string{"no form": "", "somebody else's form": stolen, "a form that is none": "x"} {
		approve.Set("csrf", form)
		if got := victim.post(d.URL, approve); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", what, got.StatusCode)
		}
	}
	for _, path := range []string{"/auth/device", "/auth/logout"} {
		approve.Set("csrf", formOf(t, victim.get(d.URL)))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(approve.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "https://evil.example")
		if got := victim.read(victim.Do(req)); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, got.StatusCode)
		}
	}
	if got := newBrowser(t).post(d.URL, approve); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a login: %d", got.StatusCode)
	}
	if got := d.polls(); got["error"] != "authorization_pending" {
		t.Errorf("after all that, the device is told %v", got)
	}
}

func TestUserCodesAreNotGuessed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	d := s.device(t, "x")
	b := newBrowser(t)
	b.get(s.url + "/auth/login")
	form := formOf(t, b.get(d.URL))
	// There is one more every six seconds, which a busy machine may take for some of them.
	const burst, every = 10, 6 * time.Second
	guesses, began := 0, time.Now()
	for {
		got := b.post(d.URL, url.Values{"csrf": {form}, "code": {"BBBB-BBBB"}})
		if got.StatusCode == http.StatusTooManyRequests {
			break
		}
		guesses++
		if most := burst + int(time.Since(began)/every); got.StatusCode != http.StatusNotFound || guesses > most {
			t.Fatalf("guess %d of at most %d: %d", guesses, most, got.StatusCode)
		}
	}
	if guesses < burst {
		t.Errorf("guess %d is one too many, want %d", guesses+1, burst)
	}
}

func TestPagesRunNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := newBrowser(t)
	b.get(s.url + "/auth/login")
	got := b.get(s.url + "/auth/device")
	_, rest, _ := strings.Cut(got.body, "<style>")
	css, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(css))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	if policy := got.Header.Get("Content-Security-Policy"); policy != want {
		t.Errorf("policy %q, want %q", policy, want)
	}
	if strings.Contains(got.body, "<script") || strings.Contains(got.body, "style=") || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v %s", got.Header, got.body)
	}
}

func TestWithoutAProvider(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	signin.Unconfigured(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/auth/login", nil))
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "controlplane.oidc") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAProviderThatIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.provider.Down(true)
	if got := newBrowser(t).get(s.url + "/auth/login"); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d", got.StatusCode)
	}
}

func TestLongBodiesAreNotRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	verifier, made := challenge()
	b := newBrowser(t)
	form := url.Values{"code": {s.decides(t, b, formOf(t, s.asks(b, made, "x")), "approve").Query().Get("code")}, "code_verifier": {verifier}, "x": {""}}
	rest := 16<<10 - len(form.Encode())
	for _, tc := range []struct{ padding, want int }{{rest + 1, http.StatusBadRequest}, {rest, http.StatusOK}} {
		form.Set("x", strings.Repeat("x", tc.padding))
		if got := newBrowser(t).post(s.url+"/auth/cli/token", form); got.StatusCode != tc.want {
			t.Errorf("%d bytes: %d %s, want %d", len(form.Encode()), got.StatusCode, got.body, tc.want)
		}
	}
}

func TestTooManyDevicesOfOneAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for range 100 {
		s.device(t, "x")
	}
	got := newBrowser(t).post(s.url+"/auth/device/code", nil)
	if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" || strings.Contains(got.body, "database") {
		t.Errorf("%d %v %s", got.StatusCode, got.Header, got.body)
	}
}

func TestClientSecretsThatAreTooShort(t *testing.T) {
	t.Parallel()
	for secret, ok := range map[string]bool{strings.Repeat("x", 16): true, strings.Repeat("x", 15): false, "": false} {
		if _, err := signin.New(signin.Config{PublicURL: "https://cas.example.com", ClientSecret: secret}); (err == nil) != ok {
			t.Errorf("%d bytes: %v", len(secret), err)
		}
	}
}
