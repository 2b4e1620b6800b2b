package web

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/test/chromium"
	"github.com/managedcas/managedcas/test/rig"
)

// site is what all visits are to: one installation, and one browser program.
type site struct {
	*rig.Rig

	url      string
	tokens   *auth.Tokens
	admin    string // an instance token
	chromium context.Context
}

// TestPages has visits side by side, each in a browser of its own.
func TestPages(t *testing.T) {
	t.Parallel()
	s := &site{Rig: rig.New(t, rig.Options{})}
	s.url, s.tokens = s.Pages(t)
	s.admin = s.token(t, org.Organization{})
	s.chromium = chromium.Start(t)
	for name, test := range map[string]func(*testing.T, *site){
		"the guide's first step":  testVerify,
		"a token that is no good": testWrongToken,
		"hostile names":           testHostileNames,
		"sign out":                testSignOut,
		"keyboard":                testKeyboard,
		"without scripts":         testWithoutScripts,
		"somebody's login":        testLogin,
		"a command line":          testCommandLine,
		"looks":                   testLooks,
		"the checks can fail":     testChecksCanFail,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

// pill is the XPath of a state that is shown.
func pill(state string) string { return fmt.Sprintf(`//span[contains(@class,"pill") and .=%q]`, state) }

// "Create a new organization in the UI. Open Storage Backends for that org: you should see
// a default backend named chainloop-cloud-storage labelled 'managed by Chainloop'." And it
// becomes valid before the visitor's eyes.
func testVerify(t *testing.T, s *site) {
	v := s.visit(t, desktop)
	v.signIn(s.admin)
	v.types("name", "verify")
	v.clicks("form[action='/organizations'] button")
	v.sees(`//h1[.="verify"]`, `//p[@id="state"]`+pill("pending"), `//div[@id="live"]`+pill("pending"))
	if at := v.at(); at != "/organizations/verify/storage-backends" {
		t.Errorf("after creating it: %s", at)
	}
	row := js[[]string](v, `[...document.querySelectorAll('#live tbody tr:only-child td')].map(td => td.innerText)`)
	if len(row) != 6 || !strings.HasPrefix(row[0], "chainloop-cloud-storage") || row[1] != "managed by Chainloop" || row[2] != "Chainloop" || row[5] != "default" {
		t.Errorf("the storage backend: %q", row)
	}
	js[int](v, "window.stays = 1")
	s.Reconcile(t, s.organization(t, "verify").ID)
	v.sees(`//p[@id="state"]`+pill("ready"), `//div[@id="live"]`+pill("valid"), `//li[contains(@class,"yes")]/span[.="StorageBackend"]`, `//ol[@class="facts"]/li`)
	if !js[bool](v, "window.stays === 1") {
		t.Error("the page was loaded again")
	}
	if asks := js[bool](v, "document.querySelector('#live').hasAttribute('hx-get')"); asks {
		t.Error("the page goes on asking")
	}
	in, tenant := s.Installation, s.Installation.Tenant(s.organization(t, "verify").ID)
	for _, secret := range []string{"arn:", in.BucketName, in.AccountID, in.BaseRoleName + "/", tenant.APName(), in.Region} {
		if html := js[string](v, "document.documentElement.outerHTML"); strings.Contains(html, secret) {
			t.Errorf("the page names %s", secret)
		}
	}
	v.quiet()
}

func testWrongToken(t *testing.T, s *site) {
	revoked, record, err := s.tokens.Issue(t.Context(), auth.NewToken{Name: "revoked"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.tokens.Revoke(t.Context(), org.ID{}, record.ID); err != nil {
		t.Fatal(err)
	}
	v := s.visit(t, desktop)
	v.open("/organizations/some/members?page=2")
	for _, token := range []string{"<b>no</b> token", revoked, s.admin[:len(s.admin)-4] + "AAAA"} {
		v.types("token", token+"\r")
		v.sees(`//p[@id="token-error"]`)
		if kept := js[string](v, "document.querySelector('#token').value"); kept != "" {
			t.Errorf("the page repeats the token %q", kept)
		}
		v.open(v.at())
	}
	if n := len(v.cookies()); n != 0 {
		t.Errorf("%d cookies of tokens that are no good", n)
	}
	v.open("/organizations/some/members?page=2")
	v.types("token", s.admin+"\r")
	v.sees(`//h1[.="Not found"]`) // there is no such organization; but it is where we wanted to go
	if at := v.at(); at != "/organizations/some/members?page=2" {
		t.Errorf("signed in, and taken to %s", at)
	}
	v.quiet()
}

const hostile = `"><script>window.ran=1</script><img src=x onerror=window.ran=1>'{{.}}</title>`

// What people type and what they are called is text.
func testHostileNames(t *testing.T, s *site) {
	s.pending(t, "hostile", s.user(t, registry.Identity{Subject: "h", Email: hostile + "@example.com", FirstName: hostile, LastName: hostile}))
	token, _, err := s.tokens.Issue(t.Context(), auth.NewToken{Name: hostile})
	if err != nil {
		t.Fatal(err)
	}
	v := s.visit(t, desktop)
	v.open("/signin?return=%2F%22%3E%3Cscript%3Ewindow.ran=1%3C%2Fscript%3E")
	v.types("token", token+"\r")
	v.sees(`//h1[.="Not found"]`)
	v.open("/organizations")
	v.types("name", hostile+"\r")
	v.sees(`//p[@id="name-error"]`)
	if typed := js[string](v, "document.querySelector('#name').value"); typed != hostile {
		t.Errorf("what was typed is kept as %q", typed)
	}
	shown := js[string](v, "document.querySelector('.who-name').textContent")
	if !strings.Contains(shown, hostile) {
		t.Errorf("the name of the token is shown as %q", shown)
	}
	for _, path := range []string{"/organizations/hostile/members", "/organizations/" + `%22%3E%3Cscript%3Ewindow.ran=1%3C%2Fscript%3E/members`, "/organizations?cursor=%3Cscript%3E", "/%22%3E%3Cscript%3Ewindow.ran=1%3C%2Fscript%3E"} {
		v.open(path)
		if js[bool](v, "'ran' in window || document.querySelectorAll('script').length !== 2") {
			t.Errorf("%s: a name became a script", path)
		}
	}
	v.open("/organizations/hostile/members")
	if cell := js[string](v, "document.querySelector('tbody td').textContent"); cell != hostile+" "+hostile {
		t.Errorf("a member is called %q", cell)
	}
	v.quiet()
}

// Who has signed out is nobody: the cookie is gone, and so are the pages behind.
func testSignOut(t *testing.T, s *site) {
	v := s.visit(t, desktop)
	v.signIn(s.admin)
	kept := v.cookies()
	if len(kept) != 1 || !kept[0].HTTPOnly || kept[0].SameSite != "Lax" || !kept[0].Session || kept[0].Value != s.admin {
		t.Errorf("cookies: %+v", kept)
	}
	if seen := js[string](v, "document.cookie"); seen != "" {
		t.Errorf("scripts see the cookie")
	}
	v.clicks(".who button")
	v.sees(`//h1[.="Sign in"]`)
	if n := len(v.cookies()); n != 0 {
		t.Errorf("%d cookies are left", n)
	}
	js[int](v, "(history.back(), 1)")
	v.arrives("/signin?return=%2Forganizations") // where that page sends who is nobody
	v.sees(`//h1[.="Sign in"]`)
	v.open("/organizations")
	if at := v.at(); at != "/signin?return=%2Forganizations" {
		t.Errorf("signed out, at %s", at)
	}
	v.quiet()
}

// The whole way without a mouse; what has the focus shows it.
func testKeyboard(t *testing.T, s *site) {
	v := s.visit(t, desktop)
	v.open("/signin")
	v.tabTo("token")
	v.press(s.admin + kb.Enter)
	v.sees(`//h1[.="Organizations"]`)
	v.tabTo("name")
	v.press("keys" + kb.Enter)
	v.sees(`//h1[.="keys"]`)
	v.quiet()
}

// tabTo presses Tab until the element of that id has the focus.
func (v *visit) tabTo(id string) {
	v.Helper()
	const most = 60
	for range most {
		v.press(kb.Tab)
		focus := js[[]string](v, `(() => { const e = document.activeElement, s = getComputedStyle(e); return [e.id, s.outlineStyle, s.outlineWidth] })()`)
		if focus[1] != "solid" || focus[2] != "3px" {
			v.Errorf("nobody sees where the focus is: %q", focus)
		}
		if focus[0] == id {
			return
		}
	}
	v.Fatalf("%d tabs do not reach #%s", most, id)
}

// Without scripts everything can be done, and a pending page is loaded again.
func testWithoutScripts(t *testing.T, s *site) {
	v := s.visit(t, desktop)
	v.withoutScripts()
	v.signIn(s.admin)
	v.types("name", "scriptless\r")
	v.sees(`//h1[.="scriptless"]`, `//div[@id="live"]`+pill("pending"))
	s.Reconcile(t, s.organization(t, "scriptless").ID)
	v.sees(`//div[@id="live"]` + pill("valid"))
	v.clicks(`.tabs a[href$="/members"]`)
	v.sees(`//h2[starts-with(.,"Members")]`)
}

// A user sees what is theirs, and no more than their role lets them.
func testLogin(t *testing.T, s *site) {
	s.ready(t, "not-theirs")
	user := s.user(t, registry.Identity{Subject: "ada", Email: "ada@example.com", FirstName: "Ada"})
	s.ready(t, "theirs", user)
	login, record, err := s.tokens.LogIn(t.Context(), user, "browser", 0)
	if err != nil {
		t.Fatal(err)
	}
	v := s.visit(t, desktop)
	v.signIn(login)
	if names := js[[]string](v, "[...document.querySelectorAll('tbody a')].map(a => a.textContent)"); !slices.Equal(names, []string{"theirs"}) {
		t.Errorf("organizations: %q", names)
	}
	v.sees(pill("ready"), `//td[.="viewer"]`, `//span[contains(@class,"who-name") and contains(.,"ada@example.com")]`)
	v.open("/organizations/not-theirs/storage-backends")
	v.sees(`//h1[.="Not found"]`)
	v.open("/organizations/theirs/members")
	v.sees(`//td[.="ada@example.com"]`)
	// While they look, the login is revoked.
	s.pending(t, "in-the-making", user)
	v.open("/organizations/in-the-making/storage-backends")
	v.sees(`//div[@id="live"]` + pill("pending"))
	if err := s.DB.RevokeLogin(t.Context(), user.ID, record.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	v.sees(`//p[@role="status" and starts-with(.,"Your session has ended")]`)
	if at := v.at(); !regexp.MustCompile(`^/signin\?return=%2Forganizations%2Fin-the-making%2Fstorage-backends&ended=1$`).MatchString(at) {
		t.Errorf("sent to %s", at)
	}
	if n := len(v.cookies()); n != 0 {
		t.Errorf("%d cookies are left", n)
	}
	v.quiet()
}
