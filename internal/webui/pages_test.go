package webui_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{})
	for _, path := range []string{"/organizations", "/organizations?cursor=YQ", "/organizations/acme/members?page=2"} {
		s.get(t, "", path).goes(t, "/signin?return="+url.QueryEscape(path))
	}
	s.post(t, "", "/organizations", url.Values{"name": {"acme"}}).goes(t, "/signin?return=%2Forganizations")
	a := s.post(t, "", "/signin", url.Values{"token": {" " + s.admin + "\n"}, "return": {"/organizations/acme/members"}})
	a.goes(t, "/organizations/acme/members")
	c := a.Cookies()
	if len(c) != 1 || c[0].Value != s.admin || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || c[0].Path != "/" || c[0].MaxAge != 0 || !c[0].Expires.IsZero() {
		t.Errorf("cookies: %v", c)
	}
	for _, token := range []string{"", "nonsense", "a b", "a\r\nb: c", "é", strings.Repeat("a", 4000), strings.Repeat("a", 4001), `"><script>`} {
		a := s.post(t, "", "/signin", url.Values{"token": {token}, "return": {"/organizations/acme"}})
		a.is(t, http.StatusUnauthorized, `role="alert"`, "Paste a whole token", `value="/organizations/acme"`)
		if len(a.Cookies()) > 0 || token != "" && strings.Contains(a.body, html.EscapeString(token)) {
			t.Errorf("%.10q: cookies %v, %s", token, a.Cookies(), a.body)
		}
	}
	// A token that was good once: the visitor is told, and the browser forgets it.
	a = s.get(t, s.token(t, org.Organization{}), "/organizations")
	a.is(t, http.StatusOK)
	a = s.get(t, s.admin, "/organizations") // replaced by the one before
	a.goes(t, "/signin?return=%2Forganizations&ended=1")
	if c := a.Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("cookies: %v", c)
	}
	s.get(t, "", "/signin?return=%2Forganizations&ended=1").is(t, http.StatusOK, "Your session has ended")
}

// With an identity provider people sign in there, and their login ends there.
func TestIdentityProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{}, "https://cas.example/auth/login")
	s.get(t, "", "/signin?return=%2Forganizations%2Facme%3Fa%3Db").is(t, http.StatusOK, `href="/auth/login?return=%2Forganizations%2Facme%3Fa%3Db"`, `name="token"`)
	s.get(t, "", "/signin?return=%2F%2Fevil.example").is(t, http.StatusOK, `href="/auth/login?return=%2Forganizations"`)
	_, login := s.user(t, "ada")
	a := s.post(t, login, "/signout", nil)
	if a.StatusCode != http.StatusTemporaryRedirect || a.Header.Get("Location") != "/auth/logout" || len(a.Cookies()) > 0 || a.Header.Get("Clear-Site-Data") == "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	// Without one there is no such button, and the cookie is all.
	s = newSite(t, controlplane.Limits{})
	if a := s.get(t, "", "/signin"); strings.Contains(a.body, "/auth/login") {
		t.Errorf("a button to nowhere: %s", a.body)
	}
	a = s.post(t, s.admin, "/signout", nil)
	a.goes(t, "/signin")
	if c := a.Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("cookies: %v", c)
	}
}

// Signing in leads to nowhere else.
func TestReturnPaths(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{})
	for back, want := range map[string]string{
		"/organizations/acme/members?page=2": "/organizations/acme/members?page=2",
		"/organizations/a%2Fb":               "/organizations/a%2Fb",
		"":                                   "/organizations", "/": "/organizations", "organizations": "/organizations",
		"//evil.example": "/organizations", "///evil.example": "/organizations", `/\evil.example`: "/organizations", `/a\b`: "/organizations",
		"https://evil.example/": "/organizations", "javascript:alert(1)": "/organizations", "/\t/evil.example": "/organizations",
		"/\n//evil.example": "/organizations", " /organizations/a": "/organizations", "/%zz": "/organizations",
		"/signin?return=/x": "/organizations", "/signout": "/organizations",
	} {
		s.post(t, "", "/signin", url.Values{"token": {s.admin}, "return": {back}}).goes(t, want)
	}
}

// What was typed stays, and beside it what is wrong with it.
func TestCreate(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{})
	s.organization(t, "taken", org.Pending)
	s.post(t, s.admin, "/organizations", url.Values{"name": {"taken"}}).is(t, http.StatusConflict, `value="taken"`, "The name is taken.", "Choose another name.")
	for _, typed := range []string{"", "Upper", `"><script>alert(1)</script>`, strings.Repeat("a", 64)} {
		s.post(t, s.admin, "/organizations", url.Values{"name": {typed}}).is(t, http.StatusBadRequest, `value="`+html.EscapeString(typed)+`"`, "not a name for an organization")
	}
	s.post(t, s.admin, "/organizations", url.Values{"name": {" " + strings.Repeat("a", 63) + " "}}).goes(t, "/organizations/"+strings.Repeat("a", 63)+"/storage-backends")
	_, login := s.user(t, "ada")
	s.post(t, login, "/organizations", url.Values{"name": {"adas"}}).goes(t, "/organizations/adas/storage-backends")
	s.get(t, login, "/organizations").is(t, http.StatusOK, ">adas<", "owner")
	// An organization's token cannot: it is not asked, and if it tries, refused.
	token := s.token(t, s.organization(t, "other", org.Ready))
	if a := s.get(t, token, "/organizations"); strings.Contains(a.body, "Create an organization") || !strings.Contains(a.body, ">other<") {
		t.Errorf("a token's page: %s", a.body)
	}
	s.post(t, token, "/organizations", url.Values{"name": {"mine"}}).is(t, http.StatusForbidden, "Not for you", "Sign in as somebody else")
}

// Where organizations are made by administrators alone, nobody else is asked for a name.
func TestOrganizationsMadeByAdministrators(t *testing.T) {
	t.Parallel()
	s := newSiteOf(t, func(cfg *controlplane.Config) { cfg.RestrictOrganizationCreation = true })
	_, login := s.user(t, "ada")
	a := s.get(t, login, "/organizations")
	a.is(t, http.StatusOK, "There is none.")
	if strings.Contains(a.body, "Create an organization") {
		t.Errorf("a user is asked: %s", a.body)
	}
	s.post(t, login, "/organizations", url.Values{"name": {"adas"}}).is(t, http.StatusForbidden, "made by administrators")
	s.get(t, s.admin, "/organizations").is(t, http.StatusOK, "Create an organization")
}

// Lists have pages; whoever follows them sees each organization once.
func TestListPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{})
	user, login := s.user(t, "ada")
	for i := range 26 {
		s.organization(t, fmt.Sprintf("o-%02d", i), org.Pending, user)
	}
	s.organization(t, "not-hers", org.Pending)
	name, next := regexp.MustCompile(`storage-backends">([a-z0-9-]+)</a>`), regexp.MustCompile(`href="([^"]+)" rel="next"`)
	for token, want := range map[string]int{s.admin: 27, login: 26} {
		seen := map[string]bool{}
		path, pages, rows := "/organizations", 0, 0
		for ; path != ""; pages++ {
			a := s.get(t, token, path)
			a.is(t, http.StatusOK)
			for _, match := range name.FindAllStringSubmatch(a.body, -1) {
				seen[match[1]] = true
				rows++
			}
			path = ""
			if match := next.FindStringSubmatch(a.body); match != nil {
				path = html.UnescapeString(match[1])
			}
		}
		if len(seen) != want || rows != want || pages != 2 {
			t.Errorf("%d organizations in %d rows on %d pages, want %d on 2", len(seen), rows, pages, want)
		}
	}
	s.get(t, s.admin, "/organizations?cursor=*").is(t, http.StatusBadRequest, "not a cursor")
}

// While something is pending the page asks again: nothing comes when nothing has changed,
// and no question when it is settled.
func TestFollowing(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{})
	o := s.organization(t, "acme", org.Pending)
	const path = "/organizations/acme/storage-backends"
	again := regexp.MustCompile(`hx-get="([^"]+)" hx-trigger="every (\d+)s"`)
	match := again.FindStringSubmatch(s.get(t, s.admin, path).body)
	if match == nil || match[2] != "1" {
		t.Fatalf("a pending page asks %q", match)
	}
	s.get(t, s.admin, match[1], "HX-Request", "true").is(t, http.StatusNoContent)
	must(t, s.db.SaveManagedBackend(t.Context(), o.ID))
	_, err := s.db.SetOrganizationState(t.Context(), o.ID, org.Ready, "")
	must(t, err)
	part := s.get(t, s.admin, match[1], "HX-Request", "true")
	part.is(t, http.StatusOK, "valid", "chainloop-cloud-storage", "managed by Chainloop", "3 MiB")
	if strings.Contains(part.body, "<html") || again.MatchString(part.body) {
		t.Errorf("the part: %s", part.body)
	}
	// Deleted while they look: the whole page says so. Signed out: they are asked again.
	_, err = s.db.SetOrganizationState(t.Context(), o.ID, org.Deleting, "")
	must(t, err)
	match = again.FindStringSubmatch(s.get(t, s.admin, path).body)
	if match == nil {
		t.Fatal("a page of what is being deleted does not ask")
	}
	_, err = s.db.SetOrganizationState(t.Context(), o.ID, org.Deleted, "")
	must(t, err)
	gone := s.get(t, s.admin, match[1], "HX-Request", "true")
	gone.is(t, http.StatusNoContent)
	if gone.Header.Get("HX-Refresh") != "true" {
		t.Errorf("headers: %v", gone.Header)
	}
	s.get(t, s.admin, path).is(t, http.StatusNotFound, "no organization of that name")
	out := s.get(t, "", match[1], "HX-Request", "true")
	if got := out.Header.Get("HX-Redirect"); got != "/signin?return="+url.QueryEscape(path) {
		t.Errorf("HX-Redirect: %q", got)
	}
}

// Each failure is a page with a next step.
func TestFailures(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{PerToken: controlplane.Rate{PerSecond: 0.001, Burst: 12}})
	own, other := s.organization(t, "own", org.Ready), s.organization(t, "other", org.Ready)
	token := s.token(t, own)
	for _, name := range []string{string(other.Name), "nowhere", "UPPER", "%22%3E", own.ID.String()} {
		s.get(t, token, "/organizations/"+name+"/storage-backends").is(t, http.StatusNotFound, "no organization of that name", `href="/organizations"`)
	}
	s.get(t, token, "/organizations/own").goes(t, "/organizations/own/storage-backends")
	s.get(t, token, "/organizations/own/members?page=0").is(t, http.StatusNotFound, "no such page")
	s.get(t, token, "/organizations/own/members?page=x").is(t, http.StatusNotFound, "no such page")
	s.post(t, token, "/organizations/own/storage-backends", url.Values{"default": {"chainloop-cloud-storage"}}).is(t, http.StatusForbidden, "Not for you")
	s.post(t, s.admin, "/organizations/own/storage-backends", url.Values{"default": {"none"}}).is(t, http.StatusNotFound, "There is no storage backend")
	s.post(t, s.admin, "/organizations/own/storage-backends", url.Values{"default": {"chainloop-cloud-storage"}}).goes(t, "/organizations/own/storage-backends")
	limited := s.get(t, token, "/organizations/own/storage-backends")
	for range 12 {
		limited = s.get(t, token, "/organizations/own/storage-backends")
	}
	limited.is(t, http.StatusTooManyRequests, "Too many requests", `<a class="button" href="/organizations/own/storage-backends">Try again</a>`)
	if limited.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	// A login that cannot be checked is kept: that the services are away is not its fault.
	s.stop()
	down := s.get(t, s.admin, "/organizations/own/storage-backends")
	down.is(t, http.StatusServiceUnavailable, "Try again", "operator")
	if len(down.Cookies()) > 0 {
		t.Errorf("the visitor is signed out: %v", down.Cookies())
	}
}

// Who tries tokens is soon asked to wait; others are not, though all pages share one
// connection to the services.
func TestGuessingIsCountedByVisitor(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{PerAddress: controlplane.Rate{PerSecond: 0.001, Burst: 6}})
	guess := func(from string) int {
		r := s.request("/organizations")
		r.RemoteAddr = from
		return s.ask(t, r, "aaa.bbb.ccc").StatusCode
	}
	statuses := map[int]int{}
	for range 10 {
		statuses[guess("192.0.2.1:1")]++
	}
	if statuses[http.StatusSeeOther] != 6 || statuses[http.StatusTooManyRequests] != 4 {
		t.Errorf("guesses are answered with %v", statuses)
	}
	if got := guess("192.0.2.2:1"); got != http.StatusSeeOther {
		t.Errorf("somebody else's first try: %d", got)
	}
}

// What anybody can be called is text.
func TestNamesAreText(t *testing.T) {
	t.Parallel()
	const hostile = `"'><script>alert(1)</script>{{.}}`
	s := newSite(t, controlplane.Limits{})
	u, err := s.db.SignIn(t.Context(), registry.Identity{Issuer: "i", Subject: "h", Email: hostile, FirstName: hostile, LastName: hostile})
	must(t, err)
	s.organization(t, "acme", org.Ready, u)
	token, _, err := s.tokens.Issue(t.Context(), auth.NewToken{Name: hostile, Lifetime: time.Hour})
	must(t, err)
	shown := html.EscapeString(hostile)
	for path, words := range map[string][]string{
		"/organizations": {shown}, "/organizations/acme/storage-backends": {shown},
		"/organizations/acme/members":                    {shown, shown + " " + shown},
		"/" + url.PathEscape(hostile):                    {"no such page"},
		"/signin?return=" + url.QueryEscape("/"+hostile): {`value="/%22%27%3E`},
	} {
		a := s.get(t, token, path)
		status := http.StatusOK
		if strings.HasPrefix(path, "/%") {
			status = http.StatusNotFound
		}
		a.is(t, status, words...)
		if strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, `"'>`) {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}
