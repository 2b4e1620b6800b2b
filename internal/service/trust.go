package service

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"sync"
	"time"
)

// clientTimeout bounds one request to another role.
const clientTimeout = 10 * time.Second

// Client returns a client for another role of the installation, which trusts the
// certificate authorities in caFile besides the system's; an empty caFile: the system's
// alone. The file is read for every request: there is one in minutes, and the authority
// may be renewed like a certificate.
func Client(caFile string) (*http.Client, error) {
	if caFile == "" {
		return &http.Client{Timeout: clientTimeout}, nil
	}
	t := &trusting{file: caFile}
	if _, err := t.transport(); err != nil {
		return nil, err
	}
	return &http.Client{Timeout: clientTimeout, Transport: t}, nil
}

type trusting struct {
	file string

	mu   sync.Mutex
	text []byte
	with *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (t *trusting) RoundTrip(r *http.Request) (*http.Response, error) {
	transport, err := t.transport()
	if err != nil {
		return nil, err
	}
	return transport.RoundTrip(r)
}

func (t *trusting) transport() (*http.Transport, error) {
	pool, text, err := authorities(t.file)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.with == nil || !bytes.Equal(text, t.text) {
		if t.with != nil {
			t.with.CloseIdleConnections()
		}
		t.text, t.with = text, http.DefaultTransport.(*http.Transport).Clone()
		t.with.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return t.with, nil
}
