package login

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser is somebody's: it keeps cookies, follows redirects and fills in dex's form.
type browser struct {
	*http.Client

	t    *testing.T
	name string
}

func newBrowser(t *testing.T, name string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar}, t, name}
}

// page is what a browser ended at.
type page struct {
	url    *url.URL
	status int
	body   string
}

func (b *browser) seen(resp *http.Response, err error) page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return page{resp.Request.URL, resp.StatusCode, readAll(b.t, resp.Body)}
}

func (b *browser) get(url string) page {
	b.t.Helper()
	return b.seen(b.Get(url))
}

func (b *browser) post(url string, form url.Values) page {
	b.t.Helper()
	return b.seen(b.PostForm(url, form))
}

var action = regexp.MustCompile(`<form method="post" action="([^"]*)"`)

// signIn opens a URL, and signs in at dex if it ends there.
func (b *browser) signIn(at string) page {
	b.t.Helper()
	p := b.get(at)
	found := action.FindStringSubmatch(p.body)
	if found == nil || !strings.Contains(p.url.Path, "/dex/") {
		return p
	}
	where, err := p.url.Parse(html.UnescapeString(found[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.post(where.String(), url.Values{"login": {b.name + "@example.com"}, "password": {password}})
}

var hidden = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// form returns what proves that a page was shown to this browser.
func (b *browser) form(p page) string {
	b.t.Helper()
	found := hidden.FindStringSubmatch(p.body)
	if found == nil {
		b.t.Fatalf("no form at %s: %d %s", p.url, p.status, p.body)
	}
	return found[1]
}
