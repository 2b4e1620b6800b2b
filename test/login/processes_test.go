package login

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/managedcas/managedcas/test/process"
	"github.com/managedcas/managedcas/test/sources"
)

// run starts a program that ends with the test at the latest.
func run(t *testing.T, environment []string, program string, args ...string) *process.Process {
	t.Helper()
	return process.Run(t, process.Command{Program: filepath.Join(programs, program), Args: args, Env: environment})
}

// await waits until done says so; false when the process has ended before.
func await(t *testing.T, p *process.Process, what string, done func() bool) bool {
	t.Helper()
	err := p.Await(t.Context(), what, func() (bool, error) { return done(), nil })
	if err != nil && !errors.Is(err, process.ErrEnded) {
		t.Fatal(err)
	}
	return err == nil
}

// The people whom dex knows, all with this password.
const password = "password"

// hash is bcrypt's of password.
const hash = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"

const clientSecret = "the secret of the installation"

// given are the addresses that have been one's.
var given sync.Map

// startDex runs a dex that knows some people and sends them back to callback, and returns
// its issuer. Its port has to be in its configuration: when another process was faster, it
// ends, and the next one is tried.
func startDex(t *testing.T, callback string, people ...string) string {
	t.Helper()
	for range 10 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		_ = listener.Close()
		if _, another := given.LoadOrStore(address, true); another {
			continue // another test's dex would answer for this one
		}
		issuer := "http://" + address + "/dex"
		var text strings.Builder
		fmt.Fprintf(&text, `
issuer: %s
storage: {type: memory}
web: {http: %q}
oauth2: {skipApprovalScreen: true}
enablePasswordDB: true
staticClients:
- {id: managedcas, name: managedcas, secret: %q, redirectURIs: [%q]}
staticPasswords:
`, issuer, address, clientSecret, callback)
		for _, name := range people {
			fmt.Fprintf(&text, "- {email: %s@example.com, username: %s, userID: id-of-%s, hash: %q}\n", name, name, name, hash)
		}
		file := filepath.Join(t.TempDir(), "dex.yaml")
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		dex := run(t, os.Environ(), "dex", "serve", file)
		if await(t, dex, "dex", func() bool { return answers(issuer + "/.well-known/openid-configuration") }) {
			return issuer
		}
	}
	t.Fatal("dex found no port")
	return ""
}

func answers(url string) bool {
	resp, err := http.Get(url) //nolint:gosec // of this test
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// installation is a control plane as a process, with a proxy before its HTTP port: its
// public URL is known before it starts.
type installation struct {
	t         *testing.T
	public    string
	grpc      string
	bootstrap string // the token that its start has printed
	process   *process.Process
	issuer    string
}

// config is what a control plane needs; what follows goes below controlplane.
const config = `
backend:
  managedCas:
    enabled: true
    region: us-east-1
    accountId: "123456789012"
    bucketName: managedcas-test
    kmsKeyArn: arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555
    apPrefix: chainloop-
    baseRoleName: managedcas-tenant
    sessionPolicyPrefix: cas-
    backendRoleName: managedcas-backend
    controlplaneRoleName: managedcas-controlplane
database: {url: "sqlite:%s"}
controlplane:
  listen: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}
`

var printed = regexp.MustCompile(`managedcas auth bootstrap --token (\S+)\n`)

func newInstallation(t *testing.T, more string, people ...string) *installation {
	t.Helper()
	sources.Note(t)
	in := &installation{t: t}
	var behind http.Handler
	started := make(chan struct{})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-started
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	in.public = front.URL
	dir := t.TempDir()
	text := fmt.Sprintf(config, filepath.Join(dir, "managedcas.db")) + more
	if len(people) > 0 {
		in.issuer = startDex(t, in.public+"/auth/callback", people...)
		secret := filepath.Join(dir, "secret")
		if err := os.WriteFile(secret, []byte(clientSecret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("  organizationCreation: everyone\n  publicUrl: %s\n  oidc:\n    issuer: %s\n    clientId: managedcas\n    clientSecretFile: %s\n", in.public, in.issuer, secret)
	}
	file, ready := filepath.Join(dir, "managedcas.yaml"), filepath.Join(dir, "ready.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in.process = run(t, os.Environ(), "managedcasd", "controlplane", "--config", file, "--ready-file", ready)
	var addresses struct{ GRPC, HTTP string }
	in.process.MustBeReady(t, ready, &addresses)
	in.grpc = addresses.GRPC
	target, err := url.Parse("http://" + strings.TrimPrefix(addresses.HTTP, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	behind = httputil.NewSingleHostReverseProxy(target)
	close(started)
	// What a process has written comes through a pipe, when its ready file is there already.
	await(t, in.process, "the token of the first start", func() bool {
		found := printed.FindStringSubmatch(in.process.Stderr.String())
		if found != nil {
			in.bootstrap = found[1]
		}
		return found != nil
	})
	return in
}

// person is a user of this machine, with a home of their own.
type person struct {
	in   *installation
	home string
	more []string // of the environment
}

func (in *installation) person() *person { return &person{in: in, home: in.t.TempDir()} }

func (p *person) environment() []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "XDG_CONFIG_HOME=" + filepath.Join(p.home, "config"), "BROWSER=true",
		"CHAINLOOP_CONTROL_PLANE_API=" + p.in.grpc, "CHAINLOOP_API_INSECURE=true",
	}, p.more...)
}

// start runs the client and does not wait.
func (p *person) start(args ...string) *process.Process {
	p.in.t.Helper()
	return run(p.in.t, p.environment(), "managedcas", args...)
}

// never is what is waited for until the process ends.
func never() bool { return false }

// managedcas runs the client, and returns what it printed, and its error line.
func (p *person) managedcas(args ...string) (stdout, failure string) {
	p.in.t.Helper()
	c := p.start(args...)
	await(p.in.t, c, strings.Join(args, " "), never)
	if err := c.Err(); err != nil {
		_, failure, _ = strings.Cut(c.Stderr.String(), "error: ")
		return c.Stdout.String(), strings.TrimSpace(failure) + " (" + err.Error() + ")"
	}
	return c.Stdout.String(), ""
}

// must is managedcas where it has to succeed.
func (p *person) must(args ...string) string {
	p.in.t.Helper()
	stdout, failure := p.managedcas(args...)
	if failure != "" {
		p.in.t.Fatalf("managedcas %s: %s", strings.Join(args, " "), failure)
	}
	return strings.TrimSpace(stdout)
}

// fails is managedcas where it has to fail with that in its message.
func (p *person) fails(want string, args ...string) {
	p.in.t.Helper()
	stdout, failure := p.managedcas(args...)
	if !strings.Contains(failure, want) || stdout != "" {
		p.in.t.Errorf("managedcas %s: %q, %q; want %q", strings.Join(args, " "), stdout, failure, want)
	}
}

func readAll(t *testing.T, r io.ReadCloser) string {
	t.Helper()
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
