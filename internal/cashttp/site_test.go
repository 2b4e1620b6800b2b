package cashttp_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/test/rig"
)

const part = 5 << 20

// site is one CAS over HTTP with one organization.
type site struct {
	*rig.Rig
	server *httptest.Server
	org    org.ID
}

func newSite(t *testing.T, options rig.Options) *site {
	t.Helper()
	options.PartSize = part
	r := rig.New(t, options)
	return &site{Rig: r, server: r.HTTP(t), org: r.Org(t)}
}

func (s *site) uploader() cas.Grant { return cas.Grant{Org: s.org, Role: cas.Uploader} }

func (s *site) downloader(d digest.Digest) cas.Grant {
	return cas.Grant{Org: s.org, Role: cas.Downloader, Digest: d}
}

// request makes one with a token of the grant; edit it before do.
func (s *site) request(t *testing.T, method, path string, grant cas.Grant, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.Token(t, grant))
	return r
}

// do returns the response and its body. A body that ends too early is returned as far
// as it came, with the error.
func (s *site) do(t *testing.T, r *http.Request) (*http.Response, []byte, error) {
	t.Helper()
	response, err := s.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

func (s *site) put(t *testing.T, content []byte) digest.Digest {
	t.Helper()
	d := digest.Of(content)
	response, body, err := s.do(t, s.request(t, http.MethodPut, "/v1/artifacts/"+d.String(), s.uploader(), bytes.NewReader(content)))
	if err != nil || response.StatusCode/100 != 2 {
		t.Fatalf("%s: %s, %v", response.Status, body, err)
	}
	return d
}

// kind returns the problem kind of an error response, and checks that it is well made.
func kind(t *testing.T, response *http.Response, body []byte) string {
	t.Helper()
	var p struct {
		Kind   string
		Status int
	}
	if err := json.Unmarshal(body, &p); err != nil || p.Status != response.StatusCode || response.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %v: %q is no problem document", response.Status, response.Header, body)
	}
	if strings.Contains(string(body), "arn:") {
		t.Errorf("I10: %s", body)
	}
	return p.Kind
}

func (s *site) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
