package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// faint lists the texts whose contrast with what is behind them is less than 4.5:1, by the
// formula of WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
const faint = `(() => {
  const rgba = text => { const n = text.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n };
  const luminance = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c } return [255, 255, 255, 1] };
  const found = []; let texts = 0;
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.matches('input:not([type=hidden])');
    if (!own || !e.checkVisibility()) continue;
    texts++;
    const [a, b] = [luminance(rgba(getComputedStyle(e).color)), luminance(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(ratio.toFixed(2) + ' ' + e.tagName + '.' + e.className + ' ' + e.textContent.trim().slice(0, 40));
  }
  return texts < 3 ? ['only ' + texts + ' texts'] : found;
})()`

// unnamed lists what cannot be told by who does not see it: controls without a name,
// headings that leave out a level, duplicate ids.
const unnamed = `(() => {
  const found = [];
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea')) if (!e.labels.length) found.push('no label: ' + e.outerHTML);
  for (const e of document.querySelectorAll('a, button')) if (!e.textContent.trim()) found.push('no name: ' + e.outerHTML);
  let level = 0;
  for (const e of document.querySelectorAll('h1, h2, h3')) { const n = Number(e.tagName[1]); if (n > level + 1) found.push('heading after level ' + level + ': ' + e.textContent); level = n }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push('id twice: ' + id);
  for (const e of document.querySelectorAll('[aria-labelledby], [aria-describedby]')) for (const id of ((e.getAttribute('aria-labelledby') || '') + ' ' + (e.getAttribute('aria-describedby') || '')).split(' ')) if (id && !ids.includes(id)) found.push('no element ' + id);
  if (document.querySelectorAll('h1').length !== 1) found.push('not one h1');
  return found;
})()`

// looksGood holds a page against what everybody may expect, and keeps a picture of it
// (go test -artifacts -outputdir DIR).
func (v *visit) looksGood(l look, name string) {
	v.Helper()
	if wide := js[[]int](v, "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"); wide[0] > wide[1] {
		v.Errorf("%s %s: %d px wide, of which %d are seen", name, l, wide[0], wide[1])
	}
	for what, found := range map[string][]string{"contrast": js[[]string](v, faint), "names": js[[]string](v, unnamed), "browser": v.complaints()} {
		if len(found) > 0 {
			v.Errorf("%s %s: %s: %s", name, l, what, strings.Join(found, "\n\t"))
		}
	}
	picture := filepath.Join(v.ArtifactDir(), name+"-"+l.String()+".png")
	if err := os.WriteFile(picture, get(v, chromedp.FullScreenshot(100)), 0o600); err != nil {
		v.Error(err)
	}
}

// Every page in every state, light and dark, on a wide and on a narrow screen.
func testLooks(t *testing.T, s *site) {
	people := []registry.User{
		s.user(t, registry.Identity{Subject: "1", Email: "ada.lovelace@analytical-engines.example.com", FirstName: "Ada", LastName: "Lovelace"}),
		s.user(t, registry.Identity{Subject: "2", Email: "grace@example.com"}),
	}
	s.pending(t, "looks-pending")
	longest := "looks-ready-" + strings.Repeat("x", 51)
	s.ready(t, longest, people...)
	o := s.ready(t, "looks-degraded")
	if _, err := s.DB.SetOrganizationState(t.Context(), o.ID, org.Degraded, "arn:aws:of:the:reason"); err != nil {
		t.Fatal(err)
	}
	pages := []struct{ name, path string }{
		{"organizations", "/organizations"},
		{"pending", "/organizations/looks-pending/storage-backends"},
		{"ready", "/organizations/" + longest + "/storage-backends"},
		{"degraded", "/organizations/looks-degraded/storage-backends"},
		{"members", "/organizations/" + longest + "/members"},
		{"members-none", "/organizations/looks-degraded/members"},
		{"not-found", "/organizations/looks-nowhere"},
	}
	v := s.visit(t, desktop)
	looks := []look{desktop, {"dark", 1280, 900}, {"light", 360, 740}, {"dark", 360, 740}}
	for _, l := range looks {
		v.as(l)
		v.open("/signin?ended")
		v.looksGood(l, "signin")
		v.types("token", "nonsense\r")
		v.sees(`//p[@id="token-error"]`)
		v.looksGood(l, "signin-error")
	}
	v.signIn(s.admin)
	for _, l := range looks {
		v.as(l)
		for _, page := range pages {
			v.open(page.path)
			v.looksGood(l, page.name)
		}
		v.open("/organizations")
		v.types("name", "No Name\r")
		v.sees(`//p[@id="name-error"]`)
		v.looksGood(l, "organizations-error")
	}
}

// The checks see what they are for.
func testChecksCanFail(t *testing.T, s *site) {
	v := s.visit(t, desktop)
	v.open("/signin")
	v.looksGood(desktop, "signin")
	js[chromedp.Void](v, `document.querySelector('.help').style.setProperty('color', 'rgb(150, 160, 170)')`)
	if found := js[[]string](v, faint); len(found) != 1 || !strings.Contains(found[0], "help") {
		t.Errorf("a faint text: %q", found)
	}
	js[chromedp.Void](v, `document.querySelector('label').remove()`)
	if found := js[[]string](v, unnamed); len(found) != 1 {
		t.Errorf("a missing label: %q", found)
	}
	v.quiet()
	// A script and a style in the page, and a script that is made of text.
	js[int](v, `(() => {
	  const script = document.createElement('script'); script.textContent = 'window.ran = 1'; document.body.append(script);
	  const style = document.createElement('style'); style.textContent = 'body { color: red }'; document.head.append(style);
	  const image = document.createElement('img'); image.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw='; document.body.append(image);
	  return new Promise(done => image.onerror = done).then(() => 1);
	})()`)
	if ran := js[bool](v, "'ran' in window"); ran {
		t.Error("a script in the page ran")
	}
	said := strings.Join(v.complaints(), "\n")
	for _, directive := range []string{"script-src-elem inline", "style-src-elem inline", "img-src data"} {
		if !strings.Contains(said, directive) {
			t.Errorf("no word of %s: %s", directive, said)
		}
	}
}
