package webui_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/webui"
)

// Every answer of every kind tells browsers the same.
func TestHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{})
	s.organization(t, "acme", org.Ready)
	css := regexp.MustCompile(`/assets/[0-9a-f]{16}/managedcas\.css`).FindString(s.get(t, "", "/signin").body)
	for name, a := range map[string]*answer{
		"page": s.get(t, s.admin, "/organizations/acme/storage-backends"), "redirect": s.get(t, "", "/organizations"),
		"not found": s.get(t, s.admin, "/nothing"), "refused": s.post(t, s.admin, "/organizations", nil, "Sec-Fetch-Site", "cross-site"), "asset": s.get(t, "", css),
	} {
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
				"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := a.Header.Get(header); got != want {
				t.Errorf("%s: %s: %q", name, header, got)
			}
		}
		kept := "no-store"
		if name == "asset" {
			kept = "public, max-age=31536000, immutable"
		}
		if got := a.Header.Get("Cache-Control"); got != kept {
			t.Errorf("%s: Cache-Control: %q", name, got)
		}
	}
	s.get(t, "", strings.Replace(css, "/assets/", "/assets/0", 1)).is(t, http.StatusNotFound)
}

// A page of another site can send nothing in a visitor's name.
func TestFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{})
	form := url.Values{"name": {"acme"}, "token": {s.admin}}
	for _, path := range []string{"/organizations", "/signin", "/signout", "/organizations/acme/storage-backends"} {
		for _, header := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
			{"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, {"Sec-Fetch-Site", "", "Origin", "null"},
		} {
			a := s.post(t, s.admin, path, form, header...)
			a.is(t, http.StatusForbidden, "another site")
			if len(a.Cookies()) > 0 {
				t.Errorf("%s %v sets a cookie", path, header)
			}
		}
	}
	if list, err := s.db.ListOrganizations(t.Context(), "", 10); err != nil || len(list) != 0 {
		t.Errorf("organizations: %v, %v", list, err)
	}
	// One of our own, and a program that is no browser.
	s.post(t, s.admin, "/organizations", url.Values{"name": {"one"}}).goes(t, "/organizations/one/storage-backends")
	s.post(t, s.admin, "/organizations", url.Values{"name": {"two"}}, "Sec-Fetch-Site", "", "Origin", "http://example.com").goes(t, "/organizations/two/storage-backends")
	s.post(t, s.admin, "/organizations", url.Values{"name": {"three"}}, "Sec-Fetch-Site", "").goes(t, "/organizations/three/storage-backends")
	// Only POST changes anything.
	s.get(t, s.admin, "/signout").is(t, http.StatusNotFound)
}

// Templates have neither scripts nor styles of their own: the policy would forbid them.
func TestTemplatesHaveNothingInline(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir("templates")
	must(t, err)
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script>|hx-on|hx-vals|hx-trigger="[^"]*\[`)
	for _, f := range files {
		text, err := os.ReadFile("templates/" + f.Name())
		must(t, err)
		if found := inline.Find(text); found != nil {
			t.Errorf("%s has %q", f.Name(), found)
		}
	}
	if len(files) < 6 {
		t.Errorf("only %d templates", len(files))
	}
}

// A body longer than any form is not read.
func TestForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, controlplane.Limits{})
	const most = 16 << 10
	fill := func(n int) url.Values { return url.Values{"name": {strings.Repeat("a", n-len("name="))}} }
	s.post(t, s.admin, "/organizations", fill(most)).is(t, http.StatusBadRequest, "not a name")
	s.post(t, s.admin, "/organizations", fill(most+1)).is(t, http.StatusRequestEntityTooLarge, "Too much was sent")
	s.post(t, s.admin, "/organizations?%zz", nil).is(t, http.StatusBadRequest, "no form")
}

// Nobody who is not known writes into the operator's log: what reaches the services is in
// their lines.
func TestVisitorsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	pages, err := webui.New(webui.Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Version: "test"})
	must(t, err)
	s := &site{handler: pages}
	s.get(t, "", "/nothing").is(t, http.StatusNotFound)
	s.post(t, "", "/organizations", nil, "Sec-Fetch-Site", "cross-site").is(t, http.StatusForbidden)
	s.post(t, "", "/signin", url.Values{"token": {strings.Repeat("a", 16<<10)}}).is(t, http.StatusRequestEntityTooLarge)
	s.get(t, "", "/organizations").goes(t, "/signin?return=%2Forganizations")
	if log.Len() > 0 {
		t.Errorf("the log: %s", &log)
	}
}
