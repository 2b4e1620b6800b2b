package awscloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// NewTransport returns the HTTP transport for an endpoint as Config describes it.
//
// The embedded AWS is one address for every host name: access points and S3 Control
// put labels before the endpoint's own name ("tenant-123456789012.127.0.0.1"), which
// no resolver knows. So the transport connects to the endpoint whatever the host.
func NewTransport(endpoint string) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		// A large PUT is answered only after S3 has stored it; a silent peer is not
		// waited for beyond this.
		ResponseHeaderTimeout: 2 * time.Minute,
	}
	if endpoint == "" {
		return transport, nil
	}
	address, err := loopbackAddress(endpoint)
	if err != nil {
		return nil, err
	}
	transport.Proxy = nil
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}
	return transport, nil
}

// loopbackAddress returns the host:port of an embedded AWS.
func loopbackAddress(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", fmt.Errorf("AWS endpoint: %w", err)
	}
	if u.Host == "" || u.Port() == "" || u.User != nil || (u.Path != "" && u.Path != "/") {
		return "", fmt.Errorf("AWS endpoint %q: want scheme://host:port, like http://127.0.0.1:4566", u.Redacted())
	}
	switch u.Scheme {
	case "https":
		return u.Host, nil
	case "http":
	default:
		return "", fmt.Errorf("AWS endpoint %q: want http (on loopback) or https", endpoint)
	}
	// The SDK refuses access point ARNs at an IPv6 endpoint, and treats names other than
	// an IPv4 address as virtual hosts of buckets (facts CLIENTS §1).
	if ip := net.ParseIP(u.Hostname()); ip == nil || ip.To4() == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("AWS endpoint %q: plain http is for 127.0.0.1 only; use https for anything else", endpoint)
	}
	return u.Host, nil
}
