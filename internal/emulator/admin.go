package emulator

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/irsa"
	"github.com/managedcas/managedcas/internal/emulator/podidentity"
)

// adminPrefix is where the endpoints are that AWS does not have. No bucket name
// begins with an underscore.
const adminPrefix = "/_aws/"

// isAdmin recognizes requests to the admin endpoints. They exist under the bare
// loopback names only; elsewhere the path may be an object key of a bucket host.
func isAdmin(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, adminPrefix) && isLoopbackName(hostname(r))
}

func newAdmin(journal, faults, pods, clusters, workloads http.Handler, health http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/_aws/journal", journal)
	mux.Handle("/_aws/faults", faults)
	mux.Handle("GET /_aws/health", health)
	mux.Handle(podidentity.Path, pods)
	mux.Handle(irsa.Path, clusters)
	mux.Handle(associationsPath, workloads)
	mux.Handle(podTokensPath, workloads)
	return loopbackOnly(mux)
}

// loopbackOnly lets in what a person or program on this machine sends, and keeps
// out the two things that can pretend to be that: a web page in a browser here
// (cross-origin, or by a DNS name that was made to point here; the Host check in
// isAdmin is against the latter) and a reverse proxy that runs here.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		site := r.Header.Get("Sec-Fetch-Site")
		switch {
		case err != nil || !peer.Addr().Unmap().IsLoopback():
			http.Error(w, "the admin endpoints answer to loopback addresses only", http.StatusForbidden)
		case r.Header.Get("Origin") != "" || site != "" && site != "none":
			http.Error(w, "the admin endpoints do not answer to web pages", http.StatusForbidden)
		case r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-For") != "":
			http.Error(w, "the admin endpoints do not answer through a reverse proxy", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func isLoopbackName(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// health answers whether the store can be read.
func (a *AWS) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	status := "ok"
	if err := a.readable(); err != nil {
		status = "the store cannot be read"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(struct {
		Status    string `json:"status"`
		AccountID string `json:"accountId"`
		Region    string `json:"region"`
	}{status, a.cfg.AccountID, a.cfg.Region})
}
