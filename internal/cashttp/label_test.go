package cashttp_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/test/rig"
)

// The media type of an upload is kept, and told with a download if no browser makes more
// of it than data. Whatever it is: a download is not sniffed, not shown and not scripted.
func TestMediaTypes(t *testing.T) {
	t.Parallel()
	s := newSite(t, rig.Options{})
	for _, row := range []struct{ sent, kept, told string }{
		{"", "application/octet-stream", "application/octet-stream"},
		{"application/x-www-form-urlencoded", "application/octet-stream", "application/octet-stream"}, // curl, of any data
		{"application/vnd.cyclonedx+json;version=1.6", "application/vnd.cyclonedx+json; version=1.6", "application/vnd.cyclonedx+json; version=1.6"},
		{"text/html; charset=utf-8", "text/html; charset=utf-8", "application/octet-stream"},
		{"image/svg+xml", "image/svg+xml", "application/octet-stream"},
		{"text/javascript", "text/javascript", "application/octet-stream"},
	} {
		content, d := rig.Content(10)
		upload := s.request(t, http.MethodPut, "/v1/artifacts/"+d.String(), cas.Grant{Org: s.org, Role: cas.Uploader, Subject: "ci/1"}, bytes.NewReader(content))
		if row.sent != "" {
			upload.Header.Set("Content-Type", row.sent)
		}
		response, answer, err := s.do(t, upload)
		if err != nil || response.StatusCode != http.StatusCreated || !strings.Contains(string(answer), `"mediaType":"`+row.kept+`"`) {
			t.Errorf("%s: %s %s, %v", row.sent, response.Status, answer, err)
		}
		info, err := s.Store.Stat(t.Context(), cas.Ref{Org: s.org, Digest: d})
		if err != nil || info.MediaType.String() != row.kept || info.Uploader != "ci/1" {
			t.Errorf("%s is kept as %q of %q, %v", row.sent, info.MediaType, info.Uploader, err)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			response, _, _ := s.do(t, s.request(t, method, "/v1/artifacts/"+d.String(), s.downloader(d), nil))
			for header, want := range map[string]string{
				"Content-Type": row.told, "X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment",
				"Content-Security-Policy": "sandbox; default-src 'none'",
			} {
				if got := response.Header.Get(header); got != want {
					t.Errorf("%s %s: %s is %q, want %q", method, row.sent, header, got, want)
				}
			}
		}
	}
	for _, bad := range []string{"text", "a/" + strings.Repeat("b", 128)} {
		content, d := rig.Content(10)
		upload := s.request(t, http.MethodPut, "/v1/artifacts/"+d.String(), s.uploader(), bytes.NewReader(content))
		upload.Header.Set("Content-Type", bad)
		response, answer, _ := s.do(t, upload)
		if kind(t, response, answer) != "invalid" {
			t.Errorf("%s: %s %s", bad, response.Status, answer)
		}
		if exists, err := s.Store.Exists(t.Context(), cas.Ref{Org: s.org, Digest: d}); exists || err != nil {
			t.Errorf("%s: exists %t, %v", bad, exists, err)
		}
	}
}
