package auth_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/managedcas/managedcas/internal/auth"
)

type memory struct{}

func (memory) Network() string { return "bufconn" }
func (memory) String() string  { return "bufconn" }

// The pages' calls count for who looks at them; nobody else says where they come from.
func TestAddressOf(t *testing.T) {
	t.Parallel()
	away := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4711}
	for _, tc := range []struct {
		name    string
		from    net.Addr
		visitor []string
		want    string
	}{
		{"a connection", away, nil, "192.0.2.1:4711"},
		{"one that claims to be another's", away, []string{"198.51.100.7:1"}, "192.0.2.1:4711"},
		{"pages", memory{}, []string{"198.51.100.7:1"}, "198.51.100.7:1"},
		{"pages for nobody", memory{}, nil, "bufconn"},
		{"pages for two", memory{}, []string{"198.51.100.7:1", "198.51.100.8:1"}, "bufconn"},
	} {
		sent := context.Background()
		for _, v := range tc.visitor {
			sent = auth.ForVisitor(sent, v)
		}
		md, _ := metadata.FromOutgoingContext(sent)
		ctx := metadata.NewIncomingContext(peer.NewContext(t.Context(), &peer.Peer{Addr: tc.from}), md)
		if got := auth.AddressOf(ctx); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	if got := auth.AddressOf(t.Context()); got != "" {
		t.Errorf("no connection: %q", got)
	}
}
