package service

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/managedcas/managedcas/test/authority"
)

// renewable is a certificate whose files are read at every handshake.
func renewable(t *testing.T, secret authority.Secret, log io.Writer) *Certificate {
	t.Helper()
	c, err := OpenCertificate(TLS{CertFile: secret.CertFile(), KeyFile: secret.KeyFile()}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c.every = 0
	return c
}

// serial returns the serial number of the certificate that a new connection is shown.
func serial(t *testing.T, address string, ca *authority.Authority, protocol string) int64 {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: ca.Pool, NextProtos: []string{protocol}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.ConnectionState().NegotiatedProtocol; got != protocol {
		t.Errorf("ALPN %q, want %q", got, protocol)
	}
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestCertificatesAreRenewedUnderAStream: a stream that is open when the certificate
// changes goes on; who comes next is shown the new one.
func TestCertificatesAreRenewedUnderAStream(t *testing.T) {
	t.Parallel()
	ca, secret := authority.New(t), authority.NewSecret(t)
	first := ca.Renew(t, secret, time.Now().Add(time.Hour))
	certificate := renewable(t, secret, io.Discard)
	listeners, err := Transport{}.Listeners("cas", Listen{GRPC: "127.0.0.1:0"}, certificate)
	if err != nil {
		t.Fatal(err)
	}
	server, standing := NewGRPC(slog.New(slog.DiscardHandler)), health.NewServer()
	healthv1.RegisterHealthServer(server, standing)
	go func() { _ = server.Serve(listeners.GRPC) }()
	t.Cleanup(server.Stop)
	address := listeners.GRPC.Addr().String()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: ca.Pool})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	watch, err := healthv1.NewHealthClient(conn).Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []healthv1.HealthCheckResponse_ServingStatus{
		healthv1.HealthCheckResponse_SERVING, healthv1.HealthCheckResponse_NOT_SERVING, healthv1.HealthCheckResponse_SERVING,
	} {
		standing.SetServingStatus("", want)
		if got, err := watch.Recv(); err != nil || got.GetStatus() != want {
			t.Fatalf("the stream says %v, %v, want %v", got, err, want)
		}
		if got := serial(t, address, ca, "h2"); got != first {
			t.Errorf("certificate %d is shown, want %d", got, first)
		}
		first = ca.Renew(t, secret, time.Now().Add(time.Hour))
	}
}

// TestABrokenCertificateChangesNothing: the pair before serves on, the log says why once,
// and so do the metrics; a good pair ends that.
func TestABrokenCertificateChangesNothing(t *testing.T) {
	t.Parallel()
	ca, secret, other := authority.New(t), authority.NewSecret(t), authority.NewSecret(t)
	until := time.Now().Add(time.Hour)
	serves := ca.Renew(t, secret, until)
	ca.Renew(t, other, until)
	var log bytes.Buffer
	certificate := renewable(t, secret, &log)
	show := func() int64 { return certificate.current().Leaf.SerialNumber.Int64() }
	copied := func(to, from string) {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for what, spoil := range map[string]func(dir string){
		"a file is missing": func(string) {},
		"the key is another's": func(dir string) {
			copied(filepath.Join(dir, "tls.crt"), secret.CertFile())
			copied(filepath.Join(dir, "tls.key"), other.KeyFile())
		},
		"no PEM": func(dir string) {
			copied(filepath.Join(dir, "tls.crt"), secret.KeyFile())
			copied(filepath.Join(dir, "tls.key"), secret.KeyFile())
		},
		"too long": func(dir string) {
			if err := os.WriteFile(filepath.Join(dir, "tls.crt"), make([]byte, maxPEMBytes+1), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		log.Reset()
		secret.Swap(t, spoil)
		for range 3 {
			if got := show(); got != serves {
				t.Errorf("%s: certificate %d serves, want %d", what, got, serves)
			}
		}
		if n := strings.Count(log.String(), "the one before serves on"); n != 1 {
			t.Errorf("%s: said %d times, want once:\n%s", what, n, &log)
		}
		if got := testutil.ToFloat64(oneMetric{certificate, 1}); got != 1 {
			t.Errorf("%s: refused is %v, want 1", what, got)
		}
		until = until.Add(time.Hour)
		serves = ca.Renew(t, secret, until)
		if got := show(); got != serves {
			t.Errorf("after %s, certificate %d serves, want %d", what, got, serves)
		}
		for i, want := range []float64{float64(until.Unix()), 0} {
			if got := testutil.ToFloat64(oneMetric{certificate, i}); got != want {
				t.Errorf("after %s: metric %d is %v, want %v", what, i, got, want)
			}
		}
	}
	ca.Renew(t, secret, time.Now().Add(-time.Second))
	if show() != serves || !strings.Contains(log.String(), "expired at") {
		t.Errorf("a certificate that is no good any more serves:\n%s", &log)
	}
	ca.RenewFrom(t, secret, time.Now().Add(time.Hour), time.Now().Add(2*time.Hour))
	if show() != serves || !strings.Contains(log.String(), "and not before") {
		t.Errorf("a certificate that is not good yet serves:\n%s", &log)
	}
	if soon := ca.RenewFrom(t, secret, time.Now().Add(maxClockSkew/2), time.Now().Add(time.Hour)); show() != soon {
		t.Error("a certificate of an authority whose clock is ahead a little does not serve")
	}
}

// TestTransport: what a role listens with, and what stops it from starting.
func TestTransport(t *testing.T) {
	t.Parallel()
	ca, secret, expired := authority.New(t), authority.NewSecret(t), authority.NewSecret(t)
	ca.Renew(t, secret, time.Now().Add(time.Hour))
	ca.Renew(t, expired, time.Now().Add(-time.Second))
	good := TLS{CertFile: secret.CertFile(), KeyFile: secret.KeyFile()}
	for _, tc := range []struct {
		name      string
		transport Transport
		listen    Listen
		says      []string // empty: it starts
	}{
		{"plaintext on loopback", Transport{}, Listen{GRPC: "127.0.0.1:0", HTTP: "[::1]:0"}, nil},
		{"plaintext for everybody", Transport{}, Listen{GRPC: "127.0.0.1:0", HTTP: ":0"},
			[]string{"cas.listen.http", "cas.tls.certFile", "cas.insecurePlaintext: true"}},
		{"plaintext gRPC for everybody", Transport{}, Listen{GRPC: "0.0.0.0:0"}, []string{"cas.listen.grpc"}},
		{"plaintext that was asked for", Transport{InsecurePlaintext: true}, Listen{GRPC: "0.0.0.0:0", HTTP: ":0"}, nil},
		{"TLS for everybody", Transport{TLS: good}, Listen{GRPC: "0.0.0.0:0", HTTP: ":0"}, nil},
		{"no such file", Transport{TLS: TLS{CertFile: "/nowhere/tls.crt", KeyFile: good.KeyFile}}, Listen{}, []string{"cas.tls", "/nowhere/tls.crt"}},
		{"expired", Transport{TLS: TLS{CertFile: expired.CertFile(), KeyFile: expired.KeyFile()}}, Listen{}, []string{"cas.tls", "renew it"}},
	} {
		certificate, err := tc.transport.Certificate("cas", slog.New(slog.DiscardHandler))
		var opened Opened
		if err == nil {
			opened, err = tc.transport.Listeners("cas", tc.listen, certificate)
		}
		if len(tc.says) == 0 {
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
			}
			_ = opened.close()
			continue
		}
		for _, says := range tc.says {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want an error that says %q", tc.name, err, says)
			}
		}
	}
	for text, says := range map[string]string{
		"cas: {tls: {certFile: a}}":                                              "cas.tls has one file",
		"controlplane: {tls: {keyFile: a}}":                                      "controlplane.tls has one file",
		"backend: {tls: {certFile: a, keyFile: b}, insecurePlaintext: true}":     "backend.insecurePlaintext is true beside tls",
		"controlplane: {tls: {certificate: a}}":                                  "there are certFile, keyFile",
		"cas: {tls: {certFile: a, keyFile: b}, controlplaneUrl: 'ftp://a.test'}": "cas.controlplaneUrl",
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want an error that says %q", text, err, says)
		}
	}
}

// What others can read or change on its way is asked for only where the operator says so.
func TestPeersInPlaintext(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "https://a.test", "http://127.0.0.1:1", "http://127.1.2.3", "http://[::1]:8000", "http://localhost:8000"} {
		if err := (Transport{}).checkPeer("casUrl", u, "CAS", 8001); err != nil {
			t.Errorf("%q: %v", u, err)
		}
	}
	if err := (Transport{InsecurePlaintext: true}).checkPeer("casUrl", "http://a.test", "CAS", 8001); err != nil {
		t.Errorf("when asked for: %v", err)
	}
	for _, u := range []string{"http://a.test", "http://10.0.0.1", "http://[::ffff:10.0.0.1]", "http://0.0.0.0:8001", "http://localhost.", "http://127.0.0.1.nip.test"} {
		if err := (Transport{}).checkPeer("casUrl", u, "CAS", 8001); err == nil {
			t.Errorf("%q is taken", u)
		}
	}
}

// TestClientsOfOtherRoles: one role asks another over https with a private authority, and
// each asks itself without one.
func TestClientsOfOtherRoles(t *testing.T) {
	t.Parallel()
	ca, secret := authority.New(t), authority.NewSecret(t)
	ca.Renew(t, secret, time.Now().Add(time.Hour))
	listeners, err := Transport{}.Listeners("controlplane", Listen{HTTP: "127.0.0.1:0"}, renewable(t, secret, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	served := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo), ReadHeaderTimeout: time.Minute}
	go func() { _ = served.Serve(listeners.HTTP) }()
	t.Cleanup(func() { _ = served.Close() })
	get := func(client *http.Client, url string) error {
		resp, err := client.Get(url)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	trusting, err := Client(ca.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := get(trusting, listeners.URL(listeners.HTTP)); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	if err := get(listeners.Self(), listeners.URL(listeners.HTTP)); err != nil {
		t.Errorf("as itself: %v", err)
	}
	another := authority.New(t)
	for name, file := range map[string]string{"the system's": "", "another's": another.File} {
		stranger, err := Client(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := get(stranger, listeners.URL(listeners.HTTP)); err == nil || !strings.Contains(err.Error(), "unknown authority") {
			t.Errorf("with %s authority: %v", name, err)
		}
	}
	// An authority is renewed like a certificate.
	text, err := os.ReadFile(another.File)
	if err == nil {
		err = os.WriteFile(ca.File, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := get(trusting, listeners.URL(listeners.HTTP)); err == nil {
		t.Error("an authority that is not in the file any more is trusted")
	}
	if _, err := Client(secret.KeyFile()); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("a key as authority: %v", err)
	}
	// Somebody else at our address is not us.
	imposter := authority.NewSecret(t)
	ca.Renew(t, imposter, time.Now().Add(time.Hour))
	mistaken := Opened{HTTP: listeners.HTTP, Certificate: renewable(t, imposter, io.Discard)}
	if err := get(mistaken.Self(), listeners.URL(listeners.HTTP)); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("another certificate than our own: %v", err)
	}
	// Plaintext is answered in plaintext, by name.
	conn, err := net.Dial("tcp", listeners.HTTP.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || !strings.Contains(string(answer), "HTTP request to an HTTPS server") {
		t.Errorf("plaintext gets %q, %v", answer, err)
	}
}

// oneMetric is the i-th metric of a collector.
type oneMetric struct {
	of *Certificate
	i  int
}

func (o oneMetric) Describe(d chan<- *prometheus.Desc) { o.of.Describe(d) }

func (o oneMetric) Collect(metrics chan<- prometheus.Metric) {
	all := make(chan prometheus.Metric, 8)
	o.of.Collect(all)
	close(all)
	for i := 0; ; i++ {
		m, ok := <-all
		if !ok {
			return
		}
		if i == o.i {
			metrics <- m
		}
	}
}
