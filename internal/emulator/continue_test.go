package emulator

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestContinueBeforeAnEmptyBody: who waits for 100 gets it, once, also with nothing to
// send (RFC 9110 §10.1.1 lets a server leave it out; S3 does not). botocore
// (awsrequest.py, _handle_expect_response) mistakes the next answer otherwise.
func TestContinueBeforeAnEmptyBody(t *testing.T) {
	t.Parallel()
	a, err := Open(Config{Dir: t.TempDir(), AccountID: "123456789012", Region: region})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(a)
	t.Cleanup(func() {
		srv.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	for expect, want := range map[string]string{
		"Expect: 100-continue\r\n": "HTTP/1.1 100 Continue\r\n",
		"Expect: 100-Continue\r\n": "HTTP/1.1 100 Continue\r\n",
		"":                         "HTTP/1.1 403 Forbidden\r\n",
	} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		request := "PUT /bucket/key HTTP/1.1\r\nHost: " + strings.TrimPrefix(srv.URL, "http://") + "\r\nContent-Length: 0\r\n" + expect + "\r\n"
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		answer := bufio.NewReader(conn)
		line, err := answer.ReadString('\n')
		if err != nil || line != want {
			t.Errorf("%q: first %q, %v; want %q", expect, line, err, want)
		}
		if expect == "" {
			continue
		}
		if line, err = answer.ReadString('\n'); line != "\r\n" {
			t.Errorf("%q: then %q, %v; want an empty line", expect, line, err)
		}
		res, err := http.ReadResponse(answer, nil)
		if err != nil || res.StatusCode != http.StatusForbidden {
			t.Fatalf("%q: the answer itself: %v, %v", expect, res, err)
		}
		_ = res.Body.Close()
	}
}
