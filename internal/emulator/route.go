package emulator

import (
	"cmp"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/sigv4"
)

// route names the service that a request is for. A signed request says so itself:
// its credential scope is part of what is verified. An unsigned one is recognized
// by its protocol.
func route(r *http.Request, auth *sigv4.Auth, form url.Values) string {
	service := ""
	if auth != nil {
		service = auth.Scope.Service
	}
	switch {
	case service == "s3" || service == "" && isControl(r):
		if isControl(r) {
			return "s3control"
		}
		return "s3"
	case service != "":
		return service
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "TrentService."):
		return "kms"
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager."):
		return "secretsmanager"
	case form.Get("Version") == "2011-06-15":
		return "sts"
	case form.Get("Version") == "2010-05-08":
		return "iam"
	}
	return "s3"
}

// isControl recognizes S3 Control. Its version prefix alone is not enough: a bucket
// may be called v20180820. SDKs always send the account, as header and host prefix.
func isControl(r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, "/v20180820/") {
		return false
	}
	first, rest, _ := strings.Cut(hostname(r), ".")
	return r.Header.Get("X-Amz-Account-Id") != "" || isAccountID(first) ||
		strings.HasPrefix(first, "s3-control") || strings.HasPrefix(rest, "s3-control")
}

// regions returns the Regions whose credential scopes a service accepts, the
// installation's first. IAM and the global STS endpoint are signed for us-east-1.
func (f *frame) regions(service string) []string {
	if service == "iam" || service == "sts" {
		return []string{f.region, "us-east-1"}
	}
	return []string{f.region}
}

// scopeService is the service name in the credential scope: S3 Control signs as S3.
func scopeService(service string) string {
	if service == "s3control" {
		return "s3"
	}
	return service
}

// hosts are the names that the endpoint answers for, each with every name under it:
// buckets, access points and accounts stand there as labels.
type hosts []string

// awsSuffix is where stock clients go that use the endpoint as their proxy.
const awsSuffix = "amazonaws.com"

func newHosts(extra []string) hosts {
	return append(hosts{"localhost", "127.0.0.1", "::1"}, extra...)
}

func (h hosts) String() string {
	return strings.Join(h, ", ") + ", the address that it listens on, names under these, and the s3, sts, iam, kms and secretsmanager hosts of " + awsSuffix
}

func (h hosts) known(r *http.Request) bool {
	host := hostname(r)
	if rest, ok := strings.CutSuffix(host, "."+awsSuffix); ok {
		return slices.ContainsFunc(strings.Split(rest, "."), isServiceLabel)
	}
	under := func(base string) bool { return host == base || strings.HasSuffix(host, "."+base) }
	local, listening := localAddr(r)
	switch {
	case listening && isForAnotherServer(r, host, local.Port()):
		return false
	case slices.ContainsFunc(h, under):
		return true
	}
	return listening && under(local.Addr().Unmap().String())
}

// isForAnotherServer recognizes what a client asks its proxy to fetch from another port
// of this machine: that is not ours to answer, and a refusal in AWS's form would mislead.
// Without the proxy a port says nothing, as ports are forwarded.
func isForAnotherServer(r *http.Request, host string, port uint16) bool {
	if !r.URL.IsAbs() || !isLoopbackName(host) {
		return false
	}
	asked := cmp.Or((&url.URL{Host: r.Host}).Port(), "80")
	return asked != strconv.Itoa(int(port))
}

// localAddr is the address at which the request came in, if there is one.
func localAddr(r *http.Request) (netip.AddrPort, bool) {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.AddrPort{}, false
	}
	addr, err := netip.ParseAddrPort(local.String())
	return addr, err == nil
}

func isServiceLabel(label string) bool {
	switch strings.TrimSuffix(label, "-fips") {
	case "s3", "s3-accesspoint", "s3-control", "sts", "iam", "kms", "secretsmanager":
		return true
	}
	return false
}

// hostname is the host that the request is for, lower case, without port, brackets
// and final dot. For absolute-form request lines net/http takes it from there.
func hostname(r *http.Request) string {
	u := url.URL{Host: r.Host}
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}

func isAccountID(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// sourceIP is the peer's address as aws:SourceIp has it.
func sourceIP(r *http.Request) string {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return addr.Addr().Unmap().WithZone("").String()
}

// unknownService is the answer to a signature for a service that is not here.
func unknownService(service string) *api.Error {
	return api.Errorf(http.StatusNotImplemented, "NotImplemented",
		"the embedded AWS has no service %q; it has s3 (with S3 Control), sts, iam, kms and secretsmanager", service)
}
