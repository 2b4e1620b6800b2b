package client_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// says is a control plane that tells where people sign in, true or not.
type says struct {
	controlplanev1.UnimplementedStatusServiceServer
	loginURL string
}

func (s says) Infoz(context.Context, *controlplanev1.InfozRequest) (*controlplanev1.InfozResponse, error) {
	return &controlplanev1.InfozResponse{LoginUrl: s.loginURL}, nil
}

// A control plane that has people sign in at another installation would be shown the login
// of that one at its next call.
func TestSignInIsNotMixedUp(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		loginURL, site string
		want           problem.Kind
	}{
		{"https://cas.example.com/auth/login", "", problem.Precondition},
		{"https://cas.example.com/auth/login", "https://cas.example.com.evil.example", problem.Precondition},
		{"https://cas.example.com:8443/auth/login", "https://cas.example.com", problem.Precondition},
		{"https://user@cas.example.com/auth/login", "", problem.Precondition},
		{"http://cas.example.com/auth/login", "http://cas.example.com", problem.Precondition},
		{"file:///etc/passwd", "", problem.Unimplemented},
		{"", "", problem.Unimplemented},
		{"https://cas.example.com/auth/login", "https://cas.example.com/", problem.Internal}, // none
		{"http://localhost:8080/auth/login", "", problem.Internal},
	} {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		controlplanev1.RegisterStatusServiceServer(server, says{loginURL: tc.loginURL})
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(server.Stop)
		c, err := client.New(client.Config{ControlPlane: listener.Addr().String(), Insecure: true, Anonymous: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		way, err := c.SignIn(t.Context(), "laptop", tc.site)
		if good := tc.want == problem.Internal; good != (err == nil) || good != (way != nil) || !good && problem.KindOf(err) != tc.want {
			t.Errorf("%q with --at %q: %v", tc.loginURL, tc.site, err)
		}
		if err != nil && strings.Contains(err.Error(), "user@") {
			t.Errorf("%q: %v", tc.loginURL, err)
		}
	}
}
