package login

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/test/process"
)

var (
	opened = regexp.MustCompile(`or open (http://\S+)\n`)
	typed  = regexp.MustCompile(`Open (http://\S+) in a browser, on any machine, and type ([A-Z-]+)\. Waiting for 10m0s\.`)
)

// login signs a person in with the browser of their machine.
func (p *person) login(b *browser) page {
	p.in.t.Helper()
	c, last := p.decides(b, "approve")
	if c.Err() != nil {
		p.in.t.Fatalf("auth login: %v %s; the browser ended at %s: %d %s", c.Err(), c.Stderr.String(), last.url, last.status, last.body)
	}
	if want := "You are signed in as " + b.name + "@example.com until "; !strings.Contains(c.Stderr.String(), want) {
		p.in.t.Errorf("auth login: %q, want %q", c.Stderr.String(), want)
	}
	return last
}

// decides has a person run auth login, and say in a browser whether it is theirs.
func (p *person) decides(b *browser, decision string) (*process.Process, page) {
	t := p.in.t
	t.Helper()
	c := p.start("auth", "login")
	await(t, c, "the URL", func() bool { return opened.MatchString(c.Stderr.String()) })
	found := opened.FindStringSubmatch(c.Stderr.String())
	if found == nil {
		t.Fatalf("auth login: %s", c.Stderr.String())
	}
	asked := b.signIn(found[1])
	last := b.post(p.in.public+"/auth/cli", url.Values{"csrf": {b.form(asked)}, "decision": {decision}})
	await(t, c, "auth login", never)
	return c, last
}

func (p *person) configFile() string {
	return filepath.Join(p.home, "config", "managedcas", "config.toml")
}

func TestSignInWithTheBrowserOfThisMachine(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "", "ann", "bob")
	ann := in.person()
	ann.fails("managedcas auth login", "auth", "status")
	if c, last := ann.decides(newBrowser(t, "ann"), "deny"); !strings.Contains(c.Stderr.String(), "not theirs") || c.Err() == nil || last.url.Query().Get("code") != "" {
		t.Errorf("denied: %v %s, at %s", c.Err(), c.Stderr.String(), last.url)
	}
	last := ann.login(newBrowser(t, "ann"))
	if last.url.Hostname() != "127.0.0.1" || last.url.Path != "/callback" || !strings.Contains(last.body, "go back to the terminal") {
		t.Errorf("the browser ended at %s: %s", last.url, last.body)
	}
	var who struct{ User, Source string }
	if err := json.Unmarshal([]byte(ann.must("auth", "status", "-o", "json")), &who); err != nil || who.User != "ann@example.com" || who.Source != "login" {
		t.Errorf("ann is %+v, %v", who, err)
	}
	info, err := os.Stat(ann.configFile())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the login: %v, %v", info, err)
	}

	// The login is for this control plane alone, and gives way to a token.
	elsewhere := *ann
	elsewhere.more = []string{"CHAINLOOP_CONTROL_PLANE_API=127.0.0.1:1"}
	elsewhere.fails("no token: sign in with managedcas auth login", "auth", "status")
	ann.fails("Token is invalid", "auth", "status", "--token", "swordfish")
	with := *ann
	with.more = []string{"CHAINLOOP_TOKEN=swordfish"}
	with.fails("Token is invalid", "auth", "status")

	// She makes an organization and invites Bob, who signs in with the code of a device.
	ann.must("organization", "create", "acme")
	ann.must("--org", "acme", "organization", "invite", "bob@example.com", "--role", "contributor")
	bob := in.person()
	bob.deviceLogin(newBrowser(t, "bob"))
	var mine []struct{ ID, Organization, Role string }
	if err := json.Unmarshal([]byte(bob.must("organization", "invitation", "list", "--mine", "-o", "json")), &mine); err != nil || len(mine) != 1 || mine[0].Organization != "acme" {
		t.Fatalf("bob's invitations: %+v, %v", mine, err)
	}
	ann.fails("not found", "organization", "invitation", "accept", mine[0].ID)
	bob.must("organization", "invitation", "accept", mine[0].ID)
	bob.fails("needs the role admin", "--org", "acme", "organization", "members", "set-role", "bob@example.com", "owner")
	ann.must("--org", "acme", "organization", "members", "set-role", "bob@example.com", "admin")
	if list := ann.must("--org", "acme", "organization", "members", "list"); !regexp.MustCompile(`bob@example.com +bob +admin`).MatchString(list) {
		t.Errorf("members:\n%s", list)
	}
	bob.must("--org", "acme", "organization", "members", "leave")
	bob.fails("not a member", "--org", "acme", "organization", "members", "list")

	// A copy of the login is of no use once it is ended.
	copied, err := os.ReadFile(ann.configFile())
	if err != nil {
		t.Fatal(err)
	}
	if list := ann.must("auth", "logins", "list"); strings.Count(list, "\n") != 1 || !strings.Contains(list, "yes") {
		t.Errorf("logins:\n%s", list)
	}
	ann.must("auth", "logout")
	ann.fails("no token", "auth", "status")
	if err := os.WriteFile(ann.configFile(), copied, 0o600); err != nil {
		t.Fatal(err)
	}
	ann.fails("sign in again with managedcas auth login", "auth", "status")
}

// deviceLogin signs a person in with the browser of another machine.
func (p *person) deviceLogin(b *browser) {
	t := p.in.t
	t.Helper()
	c := p.start("auth", "login", "--device")
	await(t, c, "the code", func() bool { return typed.MatchString(c.Stderr.String()) })
	found := typed.FindStringSubmatch(c.Stderr.String())
	if found == nil {
		t.Fatalf("auth login --device: %s", c.Stderr.String())
	}
	form := b.form(b.signIn(found[1]))
	asked := b.post(found[1], url.Values{"csrf": {form}, "code": {found[2]}})
	if done := b.post(found[1], url.Values{"csrf": {b.form(asked)}, "code": {found[2]}, "decision": {"approve"}}); done.status != http.StatusOK {
		t.Fatalf("approving: %d %s", done.status, done.body)
	}
	await(t, c, "auth login --device", never)
	if c.Err() != nil {
		t.Fatalf("auth login --device: %v %s", c.Err(), c.Stderr.String())
	}
}

func TestSignInAtTheProvider(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "", "ann")
	b := newBrowser(t, "ann")
	if p := b.signIn(in.public + "/auth/login?return=/healthz"); p.url.String() != in.public+"/healthz" || p.status != http.StatusOK {
		t.Errorf("ended at %s: %d %s", p.url, p.status, p.body)
	}
	for _, evil := range []string{"//evil.example", `/\evil.example`, "/%2Fevil.example", "https://evil.example"} {
		p := newBrowser(t, "ann").signIn(in.public + "/auth/login?return=" + url.QueryEscape(evil))
		if p.url.String() != in.public+"/organizations" { // where / leads
			t.Errorf("%s: ended at %s", evil, p.url)
		}
	}
	wrong := newBrowser(t, "eve")
	if p := wrong.signIn(in.public + "/auth/login?return=/healthz"); p.url.Host != hostOf(t, in.issuer) {
		t.Errorf("somebody whom dex does not know ended at %s", p.url)
	}

	// dex gives a code once: what a browser brought back is of no use to another one.
	var back string
	replaying := newBrowser(t, "ann")
	replaying.CheckRedirect = func(next *http.Request, _ []*http.Request) error {
		if next.URL.Path == "/auth/callback" {
			back = next.URL.String()
		}
		return nil
	}
	replaying.signIn(in.public + "/auth/login?return=/healthz")
	if p := replaying.get(back); back == "" || p.status != http.StatusBadRequest {
		t.Errorf("the callback once more: %d at %q", p.status, back)
	}
	if p := newBrowser(t, "ann").get(back); p.status != http.StatusBadRequest {
		t.Errorf("the callback in another browser: %d", p.status)
	}
	if log := in.process.Stderr.String(); strings.Contains(log, clientSecret) {
		t.Error("the client secret is in the log")
	}
}

func hostOf(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
