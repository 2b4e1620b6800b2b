package cashttp_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/test/rig"
)

// W12: what a Range header gets, with the headers that tell a client what it got.
func TestW12_Ranges(t *testing.T) {
	t.Parallel()
	const size = 100_000
	s := newSite(t, rig.Options{})
	content, _ := rig.Content(size)
	d := s.put(t, content)
	etag := `"` + d.String() + `"`
	for _, row := range []struct {
		header    string
		ifRange   string
		status    int
		from, end int
	}{
		{"", "", 200, 0, size}, {"bytes=0-9", "", 206, 0, 10}, {"bytes=70000-", "", 206, 70_000, size}, {"bytes=-7", "", 206, size - 7, size},
		{"bytes=99999-200000", "", 206, size - 1, size}, {"bytes=0-", "", 206, 0, size}, {"bytes=-100001", "", 206, 0, size}, {"bytes=0-99999", "", 206, 0, size},
		{"bytes=0-1,5-6", "", 200, 0, size}, {"bytes=9-5", "", 200, 0, size}, {"lines=0-9", "", 200, 0, size},
		{"bytes=0-9", etag, 206, 0, 10}, {"bytes=0-9", `W/` + etag, 200, 0, size}, {"bytes=0-9", `"other"`, 200, 0, size},
		{"bytes=0-9", "Wed, 21 Oct 2015 07:28:00 GMT", 200, 0, size}, {"bytes=100000-", etag, 416, 0, 0},
		{"bytes=100000-", "", 416, 0, 0}, {"bytes=-0", "", 416, 0, 0}, {"bytes=100000-", `"other"`, 200, 0, size},
	} {
		request := s.request(t, http.MethodGet, "/v1/artifacts/"+d.String(), s.downloader(d), nil)
		set(request, "Range", row.header)
		set(request, "If-Range", row.ifRange)
		response, got, err := s.do(t, request)
		what := fmt.Sprintf("%q, If-Range %q", row.header, row.ifRange)
		if err != nil || response.StatusCode != row.status {
			t.Errorf("%s: %s, %v", what, response.Status, err)
			continue
		}
		h := response.Header
		if row.status == 416 {
			if kind(t, response, got) != "range_unsatisfiable" || h.Get("Content-Range") != "bytes */100000" {
				t.Errorf("%s: %v %s", what, h, got)
			}
			continue
		}
		contentRange := ""
		if row.status == 206 {
			contentRange = fmt.Sprintf("bytes %d-%d/%d", row.from, row.end-1, size)
		}
		if !bytes.Equal(got, content[row.from:row.end]) || h.Get("Content-Range") != contentRange {
			t.Errorf("%s: %d bytes, Content-Range %q", what, len(got), h.Get("Content-Range"))
		}
		repr := "sha-256=:" + d.Base64() + ":"
		ofContent := ""
		if row.end-row.from == size {
			ofContent = repr
		}
		if h.Get("Repr-Digest") != repr || h.Get("Content-Digest") != ofContent {
			t.Errorf("%s: Repr-Digest %q, Content-Digest %q", what, h.Get("Repr-Digest"), h.Get("Content-Digest"))
		}
		if h.Get("Accept-Ranges") != "bytes" || h.Get("ETag") != etag || h.Get("Content-Disposition") != "attachment" {
			t.Errorf("%s: %v", what, h)
		}
	}
}

func set(r *http.Request, name, value string) {
	if value != "" {
		r.Header.Set(name, value)
	}
}

// An empty artifact has no range; it has only one address.
func TestW12_RangesOfNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	d := s.put(t, nil)
	for _, header := range []string{"bytes=0-", "bytes=0-9", "bytes=-1"} {
		request := s.request(t, http.MethodGet, "/v1/artifacts/"+d.String(), s.downloader(d), nil)
		request.Header.Set("Range", header)
		if response, _, _ := s.do(t, request); response.StatusCode != 416 || response.Header.Get("Content-Range") != "bytes */0" {
			t.Errorf("%s: %s %v", header, response.Status, response.Header)
		}
	}
}

// Conditions on the ETag, which is the digest, of GET and HEAD; without content, and
// only for those who may know that the artifact is there.
func TestConditions(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	d := s.put(t, []byte("content"))
	missing := digest.Of([]byte("missing"))
	etag := func(d digest.Digest) string { return `"` + d.String() + `"` }
	for _, row := range []struct {
		header, value string
		of            digest.Digest
		want          int
	}{
		{"If-None-Match", etag(d), d, 304}, {"If-None-Match", "W/" + etag(d), d, 304}, {"If-None-Match", `"a", ` + etag(d), d, 304},
		{"If-None-Match", "*", d, 304}, {"If-None-Match", `"a"`, d, 200}, {"If-None-Match", d.String(), d, 200},
		{"If-None-Match", etag(missing), missing, 404}, {"If-None-Match", "*", missing, 404},
		{"If-Match", etag(d), d, 200}, {"If-Match", "*", d, 200}, {"If-Match", `"a" , ` + etag(d), d, 200},
		{"If-Match", "W/" + etag(d), d, 412}, {"If-Match", `"a"`, d, 412}, {"If-Match", `"a"`, missing, 404},
		{"If-Modified-Since", "Wed, 21 Oct 2099 07:28:00 GMT", d, 200}, {"If-Unmodified-Since", "Wed, 21 Oct 1999 07:28:00 GMT", d, 200},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			request := s.request(t, method, "/v1/artifacts/"+row.of.String(), s.downloader(row.of), nil)
			request.Header.Set(row.header, row.value)
			response, got, err := s.do(t, request)
			if err != nil || response.StatusCode != row.want {
				t.Errorf("%s, %s %s: %s, %v", method, row.header, row.value, response.Status, err)
			}
			if content := string(got) == "content"; content != (row.want == 200 && method == http.MethodGet) {
				t.Errorf("%s, %s %s: %q", method, row.header, row.value, got)
			}
			if row.want == 304 && (response.Header.Get("ETag") != etag(d) || response.Header.Get("Content-Length") != "") {
				t.Errorf("%s, %s %s: %v", method, row.header, row.value, response.Header)
			}
		}
	}
	other := s.request(t, http.MethodGet, "/v1/artifacts/"+d.String(), cas.Grant{Org: s.Org(t), Role: cas.Downloader, Digest: d}, nil)
	other.Header.Set("If-None-Match", etag(d))
	if response, _, _ := s.do(t, other); response.StatusCode != 404 {
		t.Errorf("another organization learns %s", response.Status)
	}
}

// HEAD describes the whole, whatever range it carries (RFC 9110 §14.2).
func TestHeadHasNoRange(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	d := s.put(t, []byte("content"))
	request := s.request(t, http.MethodHead, "/v1/artifacts/"+d.String(), s.downloader(d), nil)
	request.Header.Set("Range", "bytes=0-1")
	response, _, _ := s.do(t, request)
	h := response.Header
	if response.StatusCode != 200 || response.ContentLength != 7 || h.Get("Accept-Ranges") != "bytes" || h.Get("Repr-Digest") == "" || h.Get("Content-Digest") != "" {
		t.Errorf("%s %v", response.Status, h)
	}
}

// W7, W8: S3 breaks off a download or a range of it: it is resumed, and if it stays
// broken the connection is cut before the last byte.
func TestW7_W8_ResetsOfS3(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	s := newSite(t, rig.Options{})
	content, _ := rig.Content(size)
	d := s.put(t, content)
	for _, row := range []struct {
		bytes, count int
		whole        bool
	}{{100_000, 1, true}, {100_000, 3, true}, {size - 100, 1, true}, {100_000, 0, false}} {
		for _, header := range []string{"", "bytes=1-"} {
			rule := faults.Rule{Operation: "GetObject", Kind: faults.CutDuring, Bytes: row.bytes, Count: row.count}
			if err := s.AWS.Faults().Replace(faults.Plan{Rules: []faults.Rule{rule}}); err != nil {
				t.Fatal(err)
			}
			request := s.request(t, http.MethodGet, "/v1/artifacts/"+d.String(), s.downloader(d), nil)
			set(request, "Range", header)
			want := content
			if header != "" {
				want = content[1:]
			}
			response, got, err := s.do(t, request)
			if response.StatusCode/100 != 2 || (err == nil) != row.whole || (len(got) == len(want)) != row.whole || !bytes.Equal(got, want[:len(got)]) {
				t.Errorf("%+v, %q: %s, %d bytes, %v", row, header, response.Status, len(got), err)
			}
		}
	}
}

// W11: the first bytes are at the client while S3 still has the rest.
func TestW11_FirstBytesDoNotWaitForTheLast(t *testing.T) {
	t.Parallel()
	const size, first = 8 << 20, 32 << 10
	release := make(chan struct{})
	s := newSite(t, rig.Options{Wire: func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(r)
			if err == nil && r.Method == http.MethodGet && response.ContentLength == size {
				response.Body = held{response.Body, io.MultiReader(io.LimitReader(response.Body, size/2), gate{release}, response.Body)}
			}
			return response, err
		})
	}})
	content, _ := rig.Content(size)
	d := s.put(t, content)
	response, err := s.server.Client().Do(s.request(t, http.MethodGet, "/v1/artifacts/"+d.String(), s.downloader(d), nil))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	begin := make([]byte, first)
	if _, err := io.ReadFull(response.Body, begin); err != nil {
		t.Fatal(err)
	}
	close(release)
	rest, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Equal(append(begin, rest...), content) {
		t.Errorf("%d more bytes, %v", len(rest), err)
	}
}

// held is a body of which only the first half has arrived.
type held struct {
	io.Closer
	io.Reader
}

// gate is empty, which nobody knows before it is released.
type gate struct{ released chan struct{} }

func (g gate) Read([]byte) (int, error) {
	<-g.released
	return 0, io.EOF
}
