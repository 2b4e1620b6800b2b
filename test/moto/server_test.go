// Package moto holds our AWS client against another implementation of AWS than ours, moto's:
// what our own endpoint would forgive, that one may not. Moto judges no policy here, and
// what it does not support is listed in gaps.
package moto

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/awscloud"
)

const (
	account = "123456789012" // moto's own
	region  = "eu-west-1"
)

// program is moto's server, where the environment (MOTO_SERVER) or the PATH has one; ""
// where not: then our client is held against the embedded AWS alone.
func program(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("MOTO_SERVER"); named != "" {
		return named
	}
	found, err := exec.LookPath("moto_server")
	if err != nil {
		t.Log("there is no moto_server here: pip install 'moto[server]', or name one in MOTO_SERVER")
		return ""
	}
	return found
}

// patience is generous: Python imports a lot on a busy machine.
const patience = 5 * time.Minute

// serve runs the server on a port of the kernel's choice until the test ends.
func serve(t *testing.T, program string) *url.URL {
	t.Helper()
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", "0")
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1")
	log := &listening{at: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case at := <-log.at:
		u, err := url.Parse(at)
		must(t, err)
		return u
	case err := <-ended:
		ended <- err
		t.Fatalf("%s ended: %v\n%s", program, err, log)
	case <-ctx.Done():
		t.Fatalf("%s does not say where it listens\n%s", program, log)
	}
	return nil
}

// listening is what a server prints, until it says where it listens.
type listening struct {
	at   chan string
	mu   sync.Mutex
	text bytes.Buffer
	told bool
}

var announcement = regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]+)`)

func (l *listening) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	if l.told {
		return len(p), nil
	}
	whole := l.text.Bytes()[:bytes.LastIndexByte(l.text.Bytes(), '\n')+1] // half a line has half a port
	lines := bufio.NewScanner(bytes.NewReader(whole))
	for lines.Scan() {
		if match := announcement.FindStringSubmatch(lines.Text()); match != nil {
			l.told = true
			l.at <- match[1]
			break // whoever waits takes one
		}
	}
	return len(p), nil
}

func (l *listening) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// amazon carries requests for the hosts of AWS to the server, with the host that they are
// for: our client asks where it would ask AWS itself, in the form that AWS has for it.
type amazon struct {
	server *url.URL
	http.RoundTripper
}

func (a amazon) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.URL.Scheme, r.URL.Host = a.server.Scheme, a.server.Host
	return a.RoundTripper.RoundTrip(r)
}

// connect is an account at the server, as its administrator.
func connect(t *testing.T, server *url.URL) *awscloud.Cloud {
	t.Helper()
	network := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(network.CloseIdleConnections)
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: region, AccountID: account, Transport: amazon{server, network},
		Credentials: awscloud.StaticCredentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
	})
	must(t, err)
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
