package awscloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// NewTransport returns an HTTP transport for an endpoint as Config describes it.
//
// The embedded AWS is one address for every host name: access points and S3 Control
// put labels before the endpoint's own name ("tenant-123456789012.127.0.0.1"), which
// no resolver knows. So the transport connects to the endpoint whatever the host.
func NewTransport(endpoint string) (*http.Transport, error) {
	client, err := buildableClient(endpoint)
	if err != nil {
		return nil, err
	}
	return client.GetTransport(), nil
}

func httpClient(cfg Config) (aws.HTTPClient, error) {
	if cfg.Transport != nil {
		if cfg.Endpoint != "" {
			if _, err := endpointAddress(cfg.Endpoint); err != nil {
				return nil, err
			}
		}
		return &http.Client{Transport: cfg.Transport, CheckRedirect: refuseRedirect}, nil
	}
	return buildableClient(cfg.Endpoint)
}

// refuseRedirect keeps signed requests, and artifacts, from following a redirect to
// a host that nobody configured.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// answerTimeout: a large PUT is answered only after S3 has stored it; a silent peer is not
// waited for beyond this.
const answerTimeout = 2 * time.Minute

func buildableClient(endpoint string) (*awshttp.BuildableClient, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	dial := dialer.DialContext
	if endpoint != "" {
		address, err := endpointAddress(endpoint)
		if err != nil {
			return nil, err
		}
		dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		}
	}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = dial
		if endpoint != "" {
			t.Proxy = nil
		}
		t.MaxIdleConns = 256
		t.MaxIdleConnsPerHost = 64
		t.ResponseHeaderTimeout = answerTimeout
	}), nil
}

// endpointAddress returns the host:port of an embedded AWS, if it is a safe one.
func endpointAddress(endpoint string) (string, error) {
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
