package cashttp_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/test/rig"
)

// An upload says 201, then 200; a download has the headers that keep it a download.
func TestPutGetHead(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	for _, size := range []int{0, 1, 1000, part + 1} {
		content, d := rig.Content(size)
		path := "/v1/artifacts/" + d.String()
		for i, want := range []int{http.StatusCreated, http.StatusOK, http.StatusOK} {
			var body io.Reader = bytes.NewReader(content)
			if i == 2 {
				body = io.MultiReader(body) // of unknown length: chunked
			}
			request := s.request(t, http.MethodPut, path, s.uploader(), body)
			request.Header.Set("Content-Disposition", `attachment; filename="a.txt"`)
			response, answer, err := s.do(t, request)
			if err != nil || response.StatusCode != want {
				t.Fatalf("%d bytes: %s %s, %v; want %d", size, response.Status, answer, err, want)
			}
			if text := fmt.Sprintf(`{"digest":"%s","size":%d,"fileName":"a.txt"}`, d, size); strings.TrimSpace(string(answer)) != text {
				t.Errorf("%d bytes: %s, want %s", size, answer, text)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			response, got, err := s.do(t, s.request(t, method, path, s.downloader(d), nil))
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("%s %d bytes: %s, %v", method, size, response.Status, err)
			}
			if method == http.MethodGet && !bytes.Equal(got, content) {
				t.Errorf("%d bytes: other content came back", size)
			}
			for name, want := range map[string]string{
				"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff",
				"Content-Disposition": "attachment; filename=a.txt", "Content-Length": strconv.Itoa(size),
				"Etag": `"` + d.String() + `"`, "Repr-Digest": fmt.Sprintf("sha-256=:%s:", d.Base64()),
				"Content-Security-Policy": "sandbox; default-src 'none'",
			} {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s %d bytes: %s: %q, want %q", method, size, name, got, want)
				}
			}
		}
	}
}

// W1, W3, W4, W13, W18, W27: what is refused, and how.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{MaxBytes: 1000})
	content, d := rig.Content(100)
	other := digest.Of([]byte("other"))
	there := s.put(t, []byte("there"))
	big, bigDigest := rig.Content(1001)
	path := "/v1/artifacts/" + d.String()
	bound := func(g cas.Grant, d digest.Digest) cas.Grant { g.Digest = d; return g }
	short := s.uploader()
	short.MaxBytes = 99
	for _, row := range []struct {
		what, method, path string
		grant              cas.Grant
		body               []byte
		chunked            bool
		status             int
		kind               string
	}{
		{"another content", "PUT", path, s.uploader(), content[1:], false, 400, "invalid"},
		{"another content, chunked", "PUT", path, s.uploader(), content[1:], true, 400, "invalid"},
		{"too large, declared", "PUT", "/v1/artifacts/" + bigDigest.String(), s.uploader(), big, false, 413, "too_large"},
		{"too large, streamed", "PUT", "/v1/artifacts/" + bigDigest.String(), s.uploader(), big, true, 413, "too_large"},
		{"too large for the token, declared", "PUT", path, short, content, false, 413, "too_large"},
		{"too large for the token, streamed", "PUT", path, short, content, true, 413, "too_large"},
		{"no digest", "PUT", "/v1/artifacts/not-a-digest", s.uploader(), content, false, 400, "invalid"},
		{"bare digest", "PUT", "/v1/artifacts/" + d.Hex(), s.uploader(), content, false, 400, "invalid"},
		{"escaped path", "GET", "/v1/artifacts/..%2f" + d.String(), s.downloader(d), nil, false, 400, "invalid"},
		{"upload as downloader", "PUT", path, s.downloader(d), content, false, 403, "denied"},
		{"download as uploader", "GET", "/v1/artifacts/" + there.String(), s.uploader(), nil, false, 403, "denied"},
		{"upload, bound to another", "PUT", path, bound(s.uploader(), other), content, false, 403, "denied"},
		{"download, bound to another", "GET", path, s.downloader(other), nil, false, 403, "denied"},
		{"describe, bound to another", "HEAD", path, s.downloader(other), nil, false, 403, ""},
		{"missing", "GET", path, s.downloader(d), nil, false, 404, "not_found"},
		{"missing, described", "HEAD", path, s.downloader(d), nil, false, 404, ""},
	} {
		var body io.Reader = http.NoBody
		if row.body != nil {
			body = bytes.NewReader(row.body)
		}
		if row.chunked {
			body = io.MultiReader(body)
		}
		response, answer, err := s.do(t, s.request(t, row.method, row.path, row.grant, body))
		if err != nil || response.StatusCode != row.status {
			t.Errorf("%s: %s %s, %v; want %d", row.what, response.Status, answer, err, row.status)
			continue
		}
		if row.kind != "" {
			if got := kind(t, response, answer); got != row.kind {
				t.Errorf("%s: %s, want %s", row.what, got, row.kind)
			}
		}
	}
	if exists, err := s.Store.Exists(t.Context(), cas.Ref{Org: s.org, Digest: d}); exists || err != nil {
		t.Errorf("I3: after all this, exists %t, %v", exists, err)
	}
}

// Who shows no token, or none of ours, learns nothing about what is there.
func TestUnauthenticated(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	d := s.put(t, []byte("there"))
	token := s.Token(t, s.downloader(d))
	for _, row := range []struct {
		what, header, query string
		want                int
	}{
		{"header", "Bearer " + token, "", 200},
		{"scheme in lower case (RFC 9110 §11.1)", "bearer " + token, "", 200},
		{"query", "", token, 200},
		{"none", "", "", 401},
		{"another scheme", "Basic " + token, "", 401},
		{"no scheme", token, "", 401},
		{"cut off", "Bearer " + token[:len(token)-10], "", 401},
		{"garbage", "Bearer x", "", 401},
		{"garbage in the query", "", "x", 401},
	} {
		for _, path := range []string{"/download/" + d.String() + "?t=" + row.query, "/download/not-a-digest?t=" + row.query} {
			request := s.request(t, http.MethodGet, path, s.downloader(d), nil)
			request.Header.Del("Authorization")
			if row.header != "" {
				request.Header.Set("Authorization", row.header)
			}
			response, _, err := s.do(t, request)
			want := row.want
			if strings.Contains(path, "not-a") && want == 200 {
				want = 400
			}
			if err != nil || response.StatusCode != want || want == 401 && response.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s, %s: %s, %v; want %d", row.what, path[:20], response.Status, err, want)
			}
		}
	}
	for path, headers := range map[string][]string{
		"/v1/artifacts/" + d.String():                                     {"Bearer " + token, "Bearer x"},
		"/download/" + d.String():                                         {"Bearer " + token, "Bearer " + token},
		"/download/" + d.String() + "?t=" + token + "&t=x":                nil,
		"/download/" + d.String() + "?t=" + token + "&t=" + token + "&t=": {"Bearer " + token},
	} {
		request := s.request(t, http.MethodGet, path, s.downloader(d), nil)
		request.Header["Authorization"] = headers
		if response, _, err := s.do(t, request); err != nil || response.StatusCode != 401 {
			t.Errorf("several tokens, %s: %s, %v; want 401", path[:12], response.Status, err)
		}
	}
	if response, _, _ := s.do(t, s.request(t, "GET", "/v1/artifacts/"+d.String()+"?t="+token, cas.Grant{Org: s.org, Role: cas.Uploader}, nil)); response.StatusCode != 403 {
		t.Errorf("a token in the query of the API: %s", response.Status)
	}
}

// W20: a usable name comes back as it went in; another one cleaned. What is no
// Content-Disposition is refused.
func TestW20_FileNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	for _, row := range []struct{ header, want string }{ // an empty want: refused
		{`attachment; filename=a.txt`, "a.txt"},
		{`attachment; filename="a b \"c\".txt"`, `a b "c".txt`},
		{`attachment; filename*=UTF-8''%C3%A4%20%E4%B8%AD%F0%9F%8E%89.txt`, "ä 中🎉.txt"},
		{`attachment; filename*=UTF-8''100%25%3B%2e`, "100%;."},
		{`attachment; filename="` + strings.Repeat("a", 255) + `"`, strings.Repeat("a", 255)},
		{`attachment; filename="` + strings.Repeat("a", 256) + `"`, strings.Repeat("a", 255)},
		{`attachment; filename="../evil"`, "evil"},
		{`attachment; filename*=UTF-8''..%2Fevil`, "evil"},
		{`attachment; filename*=UTF-8''a%0Ab`, "a_b"},
		{`attachment; filename*=UTF-8''a%E2%80%AEb`, "a_b"},
		{`attachment; filename=a b`, ""},
		{`;`, ""},
	} {
		content, d := rig.Content(10)
		request := s.request(t, http.MethodPut, "/v1/artifacts/"+d.String(), s.uploader(), bytes.NewReader(content))
		request.Header.Set("Content-Disposition", row.header)
		response, answer, err := s.do(t, request)
		if err != nil || (response.StatusCode == http.StatusCreated) != (row.want != "") {
			t.Errorf("%s: %s %s, %v", row.header, response.Status, answer, err)
			continue
		}
		if row.want == "" {
			if got := kind(t, response, answer); got != "invalid" {
				t.Errorf("%s: %s", row.header, got)
			}
			continue
		}
		response, _, _ = s.do(t, s.request(t, http.MethodGet, "/download/"+d.String(), s.downloader(d), nil))
		_, params, err := mime.ParseMediaType(response.Header.Get("Content-Disposition"))
		if err != nil || params["filename"] != row.want {
			t.Errorf("%s came back as %s", row.header, response.Header.Get("Content-Disposition"))
		}
	}
}
