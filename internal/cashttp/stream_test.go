package cashttp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// I5, W7: a damaged artifact is an error where that can still be said, else a connection
// that is cut. Nobody has it whole.
func TestI5_DamagedDownloads(t *testing.T) {
	t.Parallel()
	var wire rig.Damage
	s := newSite(t, rig.Options{Wire: wire.Between})
	for _, size := range []int{1, 1000, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20} {
		content, _ := rig.Content(size)
		d := s.put(t, content)
		for what, how := range map[string]func([]byte) (io.Reader, int){"flipped": rig.Flip(size*8 - 1), "cut": rig.Cut} {
			wire.Do(how)
			response, got, err := s.do(t, s.request(t, http.MethodGet, "/v1/artifacts/"+d.String(), s.downloader(d), nil))
			wire.Do(nil)
			switch {
			case response.StatusCode == http.StatusOK:
				if err == nil || len(got) >= size || what == "flipped" && size < 64<<10 {
					t.Errorf("%s, %d bytes: %d came with 200, %v", what, size, len(got), err)
				}
			case what == "flipped" && (response.StatusCode != 500 || kind(t, response, got) != "corrupt"),
				what == "cut" && (response.StatusCode != 503 || kind(t, response, got) != "unavailable"):
				t.Errorf("%s, %d bytes: %s %s", what, size, response.Status, got)
			case response.Header.Get("Etag")+response.Header.Get("Repr-Digest")+response.Header.Get("Content-Disposition") != "":
				t.Errorf("%s, %d bytes: the error has the artifact's headers: %v", what, size, response.Header)
			}
		}
	}
}

// W17: a client that stops in the middle has stored nothing, and is not told otherwise.
func TestW17_UploadsThatStop(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	content, d := rig.Content(1000)
	for _, header := range []string{"Content-Length: 1000", "Transfer-Encoding: chunked"} {
		conn := s.dial(t)
		fmt.Fprintf(conn, "PUT /v1/artifacts/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", d, s.Token(t, s.uploader()), header)
		if strings.HasPrefix(header, "T") {
			fmt.Fprintf(conn, "%x\r\n", 1000)
		}
		_, _ = conn.Write(content[:999])
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, err := io.ReadAll(conn)
		if err != nil || bytes.HasPrefix(answer, []byte("HTTP/1.1 2")) {
			t.Errorf("%s: %s, %v", header, answer, err)
		}
		if exists, err := s.Store.Exists(t.Context(), cas.Ref{Org: s.org, Digest: d}); exists || err != nil {
			t.Errorf("%s: exists %t, %v", header, exists, err)
		}
	}
}

// W19: a client that stands still is cut off, whether it was refused, sends or receives.
func TestClientsThatStandStill(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{Idle: 50 * time.Millisecond})
	content, d := rig.Content(1000)
	big, bigDigest := rig.Content(32 << 20) // more than sockets buffer
	if _, err := s.Store.Put(t.Context(), cas.Ref{Org: s.org, Digest: bigDigest}, 32<<20, bytes.NewReader(big), cas.Label{}); err != nil {
		t.Fatal(err)
	}
	for what, head := range map[string]string{
		"refused": fmt.Sprintf("PUT /v1/artifacts/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", d),
		"sending": fmt.Sprintf("PUT /v1/artifacts/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n%s",
			d, s.Token(t, s.uploader()), content[:10]),
	} {
		conn := s.dial(t)
		fmt.Fprint(conn, head)
		if answer, err := io.ReadAll(conn); err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 4")) {
			t.Errorf("%s: %s, %v", what, answer, err)
		}
	}
	cut := make(chan struct{})
	handler := s.HTTPHandler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(cut)
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /v1/artifacts/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", bigDigest, s.Token(t, s.downloader(bigDigest)))
	<-cut // the handler has returned, though nothing was read
}

// The deadlines of a transfer end with it, as net/http promises nowhere: a later request on the same connection, and
// S3 taking its time once the body is in, are not its business.
func TestDeadlinesEndWithTheirTransfer(t *testing.T) {
	t.Parallel()
	const idle = 400 * time.Millisecond // the machine itself may stand still for some of it
	slow := make(chan struct{}, 1)
	s := newSite(t, rig.Options{Idle: idle, Wire: func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPut {
				select {
				case <-slow:
					wait(r.Context(), 3*idle)
				default:
				}
			}
			return next.RoundTrip(r)
		})
	}})
	content, d := rig.Content(1000)
	slow <- struct{}{}
	response, answer, err := s.do(t, s.request(t, http.MethodPut, "/v1/artifacts/"+d.String(), s.uploader(), bytes.NewReader(content)))
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("slow S3: %s %s, %v", response.Status, answer, err)
	}
	for range 2 { // the second on the connection of the first, after its deadline
		response, got, err := s.do(t, s.request(t, http.MethodGet, "/v1/artifacts/"+d.String(), s.downloader(d), nil))
		if err != nil || response.StatusCode != http.StatusOK || !bytes.Equal(got, content) {
			t.Fatalf("%s, %v", response.Status, err)
		}
		wait(t.Context(), 2*idle)
		if response, _, err := s.do(t, s.request(t, http.MethodGet, "/v1/artifacts/nothing", s.downloader(d), nil)); err != nil || response.StatusCode != http.StatusBadRequest {
			t.Fatalf("afterwards: %s, %v", response.Status, err)
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
