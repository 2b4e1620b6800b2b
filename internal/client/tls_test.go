package client_test

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/test/authority"
)

// plane serves gRPC at an address without any service, with a certificate of ca unless that is nil. A
// call that arrives ends as Unimplemented.
func plane(t *testing.T, ca *authority.Authority, at string) (address string) {
	t.Helper()
	var transport service.Transport
	if ca != nil {
		secret := authority.NewSecret(t)
		ca.Renew(t, secret, time.Now().Add(time.Hour))
		transport.TLS = service.TLS{CertFile: secret.CertFile(), KeyFile: secret.KeyFile()}
	}
	log := slog.New(slog.DiscardHandler)
	certificate, err := transport.Certificate("controlplane", log)
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := transport.Listeners("controlplane", service.Listen{GRPC: at}, certificate)
	if err != nil {
		t.Fatal(err)
	}
	server := service.NewGRPC(log)
	go func() { _ = server.Serve(listeners.GRPC) }()
	t.Cleanup(server.Stop)
	return listeners.GRPC.Addr().String()
}

// pages is an HTTP server with a certificate of ca, or in plaintext, as the control plane has
// one beside plane.
func pages(t *testing.T, ca *authority.Authority) (address string) {
	t.Helper()
	var transport service.Transport
	if ca != nil {
		secret := authority.NewSecret(t)
		ca.Renew(t, secret, time.Now().Add(time.Hour))
		transport.TLS = service.TLS{CertFile: secret.CertFile(), KeyFile: secret.KeyFile()}
	}
	log := slog.New(slog.DiscardHandler)
	certificate, err := transport.Certificate("controlplane", log)
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := transport.Listeners("controlplane", service.Listen{HTTP: "127.0.0.1:0"}, certificate)
	if err != nil {
		t.Fatal(err)
	}
	stop := service.Background(t.Context(), log, service.HTTP("http", log, listeners.HTTP, http.NotFoundHandler()))
	t.Cleanup(func() { _ = stop() })
	return listeners.HTTP.Addr().String()
}

// TestErrorsSayWhatIsWrongWithTLS: each side may have the wrong idea of the other, and the
// user is told which flag to change.
func TestErrorsSayWhatIsWrongWithTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := authority.New(t), authority.New(t)
	pem, err := os.ReadFile(ours.File)
	if err != nil {
		t.Fatal(err)
	}
	secured, plaintext := plane(t, ours, "127.0.0.1:0"), plane(t, nil, "127.0.0.1:0")
	web, plainWeb := pages(t, ours), pages(t, nil)
	misnamed := plane(t, ours, "127.0.0.2:0") // the certificate names 127.0.0.1
	for _, tc := range []struct {
		name, address, ca string
		insecure          bool
		kind              problem.Kind
		says              string
	}{
		{"authority in a file", secured, ours.File, false, problem.Unimplemented, ""},
		{"authority in base64", secured, base64.StdEncoding.EncodeToString(pem), false, problem.Unimplemented, ""},
		{"authority as text", secured, string(pem), false, problem.Unimplemented, ""},
		{"plaintext on both sides", plaintext, "", true, problem.Unimplemented, ""},
		{"an authority that is no file", secured, "/nowhere/ca.pem", false, problem.Invalid, `"/nowhere/ca.pem" is no file`},
		{"an authority that is neither", secured, "Y2E=", false, problem.Invalid, "pass a PEM file"},
		{"another authority", secured, theirs.File, false, problem.Unavailable, "--control-plane-ca"},
		{"no authority", secured, "", false, problem.Unavailable, "--control-plane-ca"},
		{"another name", misnamed, ours.File, false, problem.Unavailable, "is not for this address"},
		{"TLS to a plaintext port", plaintext, ours.File, false, problem.Unavailable, "--insecure"},
		{"an HTTP port with TLS", web, ours.File, false, problem.Unavailable, "use its gRPC port"},
		{"an HTTP port without TLS", plainWeb, "", true, problem.Unavailable, "use the gRPC port"},
		{"plaintext to a TLS port", secured, "", true, problem.Unavailable, "leave --insecure out"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := client.New(client.Config{ControlPlane: tc.address, ControlPlaneCA: tc.ca, Insecure: tc.insecure, Token: "x", Version: "test"})
			if err == nil {
				defer c.Close()
				_, err = c.Organizations(t.Context())
			}
			if p := problem.From(err); p.Kind() != tc.kind || !strings.Contains(p.Public(), tc.says) {
				t.Errorf("%v %q, want %v and %q", p.Kind(), p.Public(), tc.kind, tc.says)
			}
		})
	}
}
