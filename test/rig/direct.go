package rig

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/casgate"
	"github.com/managedcas/managedcas/internal/direct"
)

func (r *Rig) newDirect(t testing.TB) *direct.Transfers {
	t.Helper()
	mode := r.options.Direct
	if mode == "" {
		mode = direct.Recommended
	}
	limits := r.options.Limits.WithDefaults()
	transfers, err := direct.New(direct.Config{
		Store: casgate.ExplainedDirect{Store: r.Store, Organizations: r.DB}, Records: r.DB, Recorder: r.options.Recorder,
		Mode: mode, MaxBytes: r.options.MaxBytes, MaxPut: r.options.SinglePutMax,
		Outstanding: limits.DirectUploadsPerOrganization, Longest: limits.TransferTime, Log: r.log,
	})
	must(t, err)
	return transfers
}

// Stranger is an HTTP client of somebody who has nothing but a URL. It knows that names
// under localhost are this machine, as curl does, and follows no redirect.
func Stranger(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
