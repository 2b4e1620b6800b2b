package service

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestClientsThatStandStillAreCutOff: none of them has a token, and each would hold its
// connection for ever.
func TestClientsThatStandStillAreCutOff(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /refused", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	mux.HandleFunc("POST /read", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) })
	mux.HandleFunc("GET /empty", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /long", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	for name, client := range map[string]struct {
		request string
		reads   bool
	}{
		"a body that nobody reads":        {"GET /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", true},
		"chunks that nobody reads":        {"GET /refused HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", true},
		"a body of another method":        {"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", true},
		"a body that stops in the middle": {"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", true},
		"an answer that is not taken":     {"GET /long HTTP/1.1\r\nHost: x\r\n\r\n", false},
		"one of a handler without words":  {"GET /empty HTTP/1.1\r\nHost: x\r\n\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan struct{})
				listener := serve(t, &http.Server{Handler: patient(mux, standStill), ConnState: func(_ net.Conn, state http.ConnState) {
					if state == http.StateClosed {
						close(ended)
					}
				}})
				conn := listener.Dial()
				t.Cleanup(func() { _ = conn.Close() })
				if _, err := io.WriteString(conn, client.request); err != nil {
					t.Fatal(err)
				}
				if client.reads {
					go func() { _, _ = io.Copy(io.Discard, conn) }()
				}
				select {
				case <-ended:
				case <-time.After(2 * standStill):
					t.Error("the server still holds the connection")
				}
			})
		})
	}
}

// TestStandingStillIsAnswered: net/http waits for the rest of a body before it sends what the
// handler has said, and whoever sends nothing meanwhile reads it then.
func TestStandingStillIsAnswered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    int
	}{
		"refused":       {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }, http.StatusForbidden},
		"without words": {func(http.ResponseWriter, *http.Request) {}, http.StatusOK},
	} {
		synctest.Test(t, func(t *testing.T) {
			conn, far := net.Pipe()
			serve(t, &http.Server{Handler: patient(c.handler, standStill)}) <- late{far}
			t.Cleanup(func() { _ = conn.Close() })
			if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != c.want {
				t.Errorf("%s: %+v, %v", name, resp, err)
			}
		})
	}
}

// late is a connection whose owner needs a millisecond to see that a deadline is over.
type late struct{ net.Conn }

func (l late) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		<-time.After(time.Millisecond)
	}
	return n, err
}

// memory is a network of its own, in a synctest bubble's time.
type memory chan net.Conn

// Dial connects to whoever accepts.
func (m memory) Dial() net.Conn {
	near, far := net.Pipe()
	m <- far
	return near
}

// Accept implements net.Listener.
func (m memory) Accept() (net.Conn, error) {
	if conn, open := <-m; open {
		return conn, nil
	}
	return nil, net.ErrClosed
}

// Addr implements net.Listener.
func (memory) Addr() net.Addr { return &net.TCPAddr{} }

// Close implements net.Listener.
func (m memory) Close() error {
	close(m)
	return nil
}

func serve(t *testing.T, server *http.Server) memory {
	t.Helper()
	listener := make(memory)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener
}

// TestSlowClientsAreServed: a client that keeps moving may take many times what it may
// stand still, in one request and in the next on the same connection.
func TestSlowClientsAreServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		listener := serve(t, &http.Server{Handler: patient(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(body)
		}), standStill)})
		dials := 0
		network := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			dials++
			return listener.Dial(), nil
		}}
		t.Cleanup(network.CloseIdleConnections)
		for range 2 {
			body := &slowReader{text: strings.Repeat("x", 6), pause: standStill - time.Second}
			resp, err := (&http.Client{Transport: network}).Post("http://memory", "text/plain", body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != "xxxxxx" {
				t.Errorf("answer %q, %v", got, err)
			}
			_ = resp.Body.Close()
		}
		if dials != 1 {
			t.Errorf("%d connections, want 1", dials)
		}
	})
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
