// Package trespass holds a stolen session of one organization against the embedded AWS
// and sends what no client would send: every operation, by every name that leads to
// another organization, in every spelling that a parser might take for something else.
package trespass

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// thief has the session's credentials and a socket.
type thief struct {
	credentials aws.Credentials
	address     string // host:port of the embedded AWS
	region      string
}

// request is one as it goes over the wire. Target is the request line's.
type request struct {
	method, target, host string
	headers              [][2]string // in order; names may be repeated
	body                 string
}

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

const unsigned = "UNSIGNED-PAYLOAD"

// send signs a request as it will be understood, and writes it as it is given.
func (th thief) send(t *testing.T, q request) answer {
	t.Helper()
	headers := append([][2]string{{"Host", q.host}, {"Content-Length", fmt.Sprint(len(q.body))}}, q.headers...)
	headers = append(headers, th.signature(t, q)...)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", q.method, q.target)
	for _, h := range headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("Connection: close\r\n\r\n" + q.body)
	return th.raw(t, q.method, b.String())
}

// raw writes bytes and reads one answer.
func (th thief) raw(t *testing.T, method, text string) answer {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", th.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

// signature returns the headers that make the server believe the request: the path is
// signed in the form in which the server signs it, whatever the target's spelling.
func (th thief) signature(t *testing.T, q request) [][2]string {
	t.Helper()
	parsed, err := url.ParseRequestURI(q.target)
	if err != nil {
		return nil // the server cannot read it either
	}
	host := q.host
	if parsed.Host != "" {
		host = parsed.Host
	}
	r, err := http.NewRequestWithContext(context.Background(), q.method, "http://"+th.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.ContentLength = int64(len(q.body))
	r.URL = &url.URL{Scheme: "http", Host: host, Path: parsed.Path, RawPath: canonical(parsed.EscapedPath()), RawQuery: parsed.RawQuery}
	for _, h := range q.headers {
		r.Header.Add(h[0], h[1])
	}
	r.Header.Set("X-Amz-Content-Sha256", unsigned)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(t.Context(), th.credentials, r, unsigned, "s3", th.region, time.Now()); err != nil {
		t.Fatal(err)
	}
	var out [][2]string
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"} {
		out = append(out, [2]string{name, r.Header.Get(name)})
	}
	return out
}

// canonical encodes each segment of a path anew.
func canonical(escaped string) string {
	segments := strings.Split(escaped, "/")
	for i, s := range segments {
		raw, err := url.PathUnescape(s)
		if err != nil {
			return escaped
		}
		var b strings.Builder
		for _, c := range []byte(raw) {
			if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		segments[i] = b.String()
	}
	return strings.Join(segments, "/")
}
