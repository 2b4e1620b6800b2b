package service

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestClientsThatStandStillAreCutOff: none of them has a token, and each would hold its
// connection for ever.
func TestClientsThatStandStillAreCutOff(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /refused", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	mux.HandleFunc("POST /read", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) })
	mux.HandleFunc("GET /long", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	for name, request := range map[string]string{
		"a body that nobody reads":        "GET /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
		"chunks that nobody reads":        "GET /refused HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"a body of another method":        "POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
		"a body that stops in the middle": "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
		"an answer that is not taken":     "GET /long HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{})
			server := httptest.NewUnstartedServer(patient(mux, 100*time.Millisecond))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateClosed {
					close(ended)
				}
			}
			server.Start()
			t.Cleanup(server.Close)
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Error("the server still holds the connection")
			}
		})
	}
}

// TestSlowClientsAreServed: a client that keeps moving may take many times what it may
// stand still, in one request and in the next on the same connection.
func TestSlowClientsAreServed(t *testing.T) {
	t.Parallel()
	const idle = 600 * time.Millisecond
	server := httptest.NewServer(patient(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
	}), idle))
	t.Cleanup(server.Close)
	for range 2 {
		resp, err := server.Client().Post(server.URL, "text/plain", &slowReader{text: strings.Repeat("x", 6), pause: idle / 4})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil || string(got) != "xxxxxx" {
			t.Errorf("answer %q, %v", got, err)
		}
		_ = resp.Body.Close()
	}
}

// slowReader gives one byte per pause.
type slowReader struct {
	text  string
	pause time.Duration
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.text == "" {
		return 0, io.EOF
	}
	<-time.After(s.pause)
	p[0], s.text = s.text[0], s.text[1:]
	return 1, nil
}
