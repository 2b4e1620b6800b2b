package client

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/problem"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

const (
	// standStill is how long a transfer may move nothing in either direction. S3 answers a
	// large PUT when it has stored all of it.
	standStill = 2 * time.Minute
	// maxRefusal bounds what is read of an answer that says why not.
	maxRefusal = 64 << 10
)

// storage sends presigned requests. It follows no redirect: a request is good for one
// host, and its content for nobody else's.
type storage struct{ http *http.Client }

func newStorage() *storage {
	return &storage{&http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialPatiently,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: 5 * time.Second,
			DisableCompression:    true, // what is stored is what the digest is of
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send sends a presigned request as it was signed. An answer without an error has a body
// to be closed; that something is stored already is no error.
func (s *storage) send(ctx context.Context, p *managedcasv1.PresignResponse, method string, body io.Reader, size int64) (*http.Response, error) {
	if err := safe(p.GetUrl()); err != nil || p.GetMethod() != method {
		return nil, problem.Wrap(err, problem.Internal, "the CAS returned a request that is not safe to send", "transfer it through the CAS, with --direct=never")
	}
	if size == 0 {
		body = nil // and not a body of unknown length
	}
	r, err := http.NewRequestWithContext(ctx, method, p.GetUrl(), body)
	if err != nil {
		return nil, unreachable(err)
	}
	for name, value := range p.GetHeaders() {
		r.Header.Set(name, value)
	}
	if method == http.MethodPut {
		r.ContentLength = size
		if size > 1<<20 {
			r.Header.Set("Expect", "100-continue") // what is refused need not be sent
		}
	}
	answer, err := s.http.Do(r)
	if err != nil {
		return nil, unreachable(err)
	}
	if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusPreconditionFailed && method == http.MethodPut {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, refusal(answer)
}

// safe refuses to show an artifact to the network.
func safe(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("a malformed URL") // the parser's own error repeats it
	case u.Scheme == "https" && u.Host != "" && u.User == nil, u.Scheme == "http" && local(u.Hostname()):
		return nil
	}
	return fmt.Errorf("scheme %q of host %q", u.Scheme, u.Hostname())
}

// local holds for this machine's own addresses and, by RFC 6761 §6.3, for localhost and
// every name under it.
func local(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// refusal reads why S3 does not want a request.
func refusal(answer *http.Response) error {
	var said struct{ Code string }
	_ = xml.NewDecoder(io.LimitReader(answer.Body, maxRefusal)).Decode(&said) // it need not be S3 that answers
	cause := fmt.Errorf("%s %.100q", answer.Status, said.Code)
	switch {
	case said.Code == "BadDigest":
		return problem.Wrap(cause, problem.Conflict, "the file changed while it was uploaded", "nothing was stored; upload it again when it is finished")
	case answer.StatusCode >= 500, answer.StatusCode == http.StatusTooManyRequests, answer.StatusCode == http.StatusConflict:
		return problem.Wrap(cause, problem.Unavailable, "the storage is busy", "try again, or with --direct=never")
	}
	return problem.Wrap(cause, problem.Denied, fmt.Sprintf("the storage refused the request (%s)", cause), "try again, or with --direct=never")
}

// unreachable describes a transfer that broke, without its URL: that is a secret.
func unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	return problem.Wrap(err, problem.Unavailable, fmt.Sprintf("the storage cannot be reached (%v)", err),
		"try again, or with --direct=never; does a firewall keep this machine from it?")
}

// dialPatiently connects, and has the connection end when nothing moves.
func dialPatiently(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil && local(host) && net.ParseIP(host) == nil {
		address = net.JoinHostPort("127.0.0.1", port) // no resolver is asked for these
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return patientConn{conn}, nil
}

// patientConn moves both deadlines with every byte in either direction: who sends for
// minutes is not cut off because nothing comes back.
type patientConn struct{ net.Conn }

func (c patientConn) Read(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(standStill)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c patientConn) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(standStill)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
