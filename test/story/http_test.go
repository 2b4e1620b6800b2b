package story

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdHTTP runs "http [-H 'Name: value']... [-d FILE] [-length N] [-status CODE] METHOD URL".
// It prints the status line, the headers in order, an empty line and the body's first
// 4 KiB.
//
// -length N announces N bytes whatever FILE has: with fewer in FILE, the connection is
// closed where the rest should come; -length chunked announces none. "! http" demands a status of 400 or more, or a
// connection that breaks.
func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	r := httpRequest{length: -1, header: http.Header{}}
	ts.Check(r.parse(ts, args))
	answer, status, err := r.do()
	_, _ = ts.Stdout().Write(answer)
	failed := err != nil || status >= 400
	if err != nil {
		fmt.Fprintln(ts.Stderr(), err)
	}
	if failed != neg {
		ts.Fatalf("%s %s: status %d, error %v\n%s", r.method, r.url, status, err, answer)
	}
}

type httpRequest struct {
	method, url string
	header      http.Header
	body        []byte
	length      int
	chunked     bool
}

func (r *httpRequest) parse(ts *testscript.TestScript, args []string) error {
	for len(args) > 2 {
		value := args[1]
		switch args[0] {
		case "-H":
			name, v, ok := strings.Cut(value, ":")
			if !ok {
				return fmt.Errorf("header %q", value)
			}
			r.header.Add(name, strings.TrimSpace(v))
		case "-d":
			r.body = []byte(ts.ReadFile(value))
			if r.length < 0 {
				r.length = len(r.body)
			}
		case "-length":
			if value == "chunked" {
				r.chunked = true
				break
			}
			n, err := strconv.Atoi(value)
			if err != nil {
				return err
			}
			r.length = n
		default:
			return fmt.Errorf("unknown flag %q", args[0])
		}
		args = args[2:]
	}
	if len(args) != 2 {
		return fmt.Errorf("usage: http [flag...] METHOD URL")
	}
	r.method, r.url = args[0], args[1]
	return nil
}

// do writes the request by hand, so that it can be as wrong as it has to be.
func (r *httpRequest) do() ([]byte, int, error) {
	u, err := url.Parse(r.url)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", r.method, u.RequestURI(), u.Host)
	switch {
	case r.chunked:
		out.WriteString("Transfer-Encoding: chunked\r\n")
	case r.length >= 0:
		fmt.Fprintf(&out, "Content-Length: %d\r\n", r.length)
	}
	_ = r.header.Write(&out)
	out.WriteString("\r\n")
	if r.chunked {
		fmt.Fprintf(&out, "%x\r\n%s\r\n0\r\n\r\n", len(r.body), r.body)
	} else {
		out.Write(r.body[:min(len(r.body), max(r.length, 0))])
	}
	// A server may answer before it has everything, and close.
	_, unsent := conn.Write(out.Bytes())
	if r.length > len(r.body) {
		// The rest never comes.
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	answer, status, err := readAnswer(conn)
	if err != nil {
		err = errors.Join(err, unsent)
	}
	return answer, status, err
}

// printed is how much of a body goes to stdout.
const printed = 4 << 10

func readAnswer(conn net.Conn) ([]byte, int, error) {
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	var out bytes.Buffer
	fmt.Fprintln(&out, resp.Status)
	var names []string
	for name := range resp.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&out, "%s: %s\n", name, strings.Join(resp.Header[name], ", "))
	}
	out.WriteString("\n")
	out.Write(body[:min(len(body), printed)])
	return out.Bytes(), resp.StatusCode, err
}
