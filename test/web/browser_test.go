// Package web looks at the pages as people do: in Chromium, against a control plane whose
// organizations are made on an embedded AWS.
package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/managedcas/managedcas/test/chromium"
	"github.com/managedcas/managedcas/test/process"
)

// look is how somebody looks at pages.
type look struct {
	scheme        string
	width, height int64
}

var desktop = look{"light", 1280, 900}

func (l look) String() string { return fmt.Sprintf("%s-%d", l.scheme, l.width) }

// visit is a browser of somebody: its cookies are nobody else's.
type visit struct {
	*testing.T

	ctx context.Context
	url string

	mu   sync.Mutex
	said []string // what the browser had to complain about
}

// observe collects what a content security policy forbids.
const observe = `window.violations = [];
document.addEventListener('securitypolicyviolation', e => violations.push(e.effectiveDirective + ' ' + e.blockedURI));`

// visit opens a browser of its own.
func (s *site) visit(t *testing.T, l look) *visit {
	t.Helper()
	v := &visit{T: t, url: s.url}
	ctx, cancel := chromedp.NewContext(s.chromium, chromedp.WithNewBrowserContext(), chromedp.WithListener(v.listen))
	t.Cleanup(cancel)
	v.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // the target lives as long as this context
		t.Fatal(err)
	}
	command(v, log.Enable, struct{}{})
	command(v, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: observe})
	v.as(l)
	return v
}

// as changes how the visitor looks at pages.
func (v *visit) as(l look) {
	v.Helper()
	command(v, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 600})
	command(v, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}})
}

// withoutScripts has the visitor's browser run none.
func (v *visit) withoutScripts() {
	v.Helper()
	command(v, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

func (v *visit) listen(event any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		v.said = append(v.said, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		v.said = append(v.said, fmt.Sprintf("console.%s %s", e.Type, e.Args[0].Value))
	case *log.EventEntryAdded:
		// That a page is an answer like 404 is no complaint about the page.
		serious := e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning
		if serious && !strings.HasPrefix(e.Entry.Text, "Failed to load resource: the server responded with a status of 4") {
			v.said = append(v.said, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// get does something in the browser that has a result.
func get[T any](v *visit, what chromedp.Action[T]) T {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, process.Patience)
	defer cancel()
	result, err := chromedp.Run(ctx, what)
	if err != nil {
		v.Fatal(err)
	}
	return result
}

// js evaluates an expression in the page.
func js[T any](v *visit, expression string) T {
	v.Helper()
	return get(v, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// open goes to a path.
func (v *visit) open(path string) {
	v.Helper()
	get(v, chromedp.Navigate(v.url+path))
	v.sees("//footer")
}

// visible counts the elements of an XPath that can be seen, once the page has its styles and
// scripts: before, what is clicked may be elsewhere in the next moment.
const visible = `(() => {
  if (document.readyState !== 'complete') return 0;
  const found = document.evaluate(%q, document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE);
  let n = 0;
  for (let i = 0; i < found.snapshotLength; i++) n += found.snapshotItem(i).checkVisibility();
  return n;
})()`

// sees waits until there are elements that the XPaths describe. It asks anew each time:
// while one page follows the other, questions about the first get no answer.
func (v *visit) sees(paths ...string) {
	v.Helper()
	for _, path := range paths {
		err := chromium.Await(v.ctx, func(once context.Context) error {
			n, err := chromedp.Run(once, chromedp.Evaluate[int](fmt.Sprintf(visible, path)))
			if err == nil && n == 0 {
				err = errors.New("it is not there")
			}
			return err
		})
		if err != nil {
			v.Fatalf("%s: %v\nat %s: %s", path, err, v.at(), js[string](v, "document.body.innerText"))
		}
	}
}

// arrives waits until the browser is at a path.
func (v *visit) arrives(path string) {
	v.Helper()
	err := chromium.Await(v.ctx, func(once context.Context) error {
		at, err := chromedp.Run(once, chromedp.Evaluate[string]("location.href"))
		if err == nil && at != v.url+path {
			err = fmt.Errorf("it is at %s", at)
		}
		return err
	})
	if err != nil {
		v.Fatalf("%s: %v", path, err)
	}
}

// types writes into the field of an id, as on a keyboard; "\r" sends the form.
func (v *visit) types(id, text string) {
	v.Helper()
	js[chromedp.Void](v, fmt.Sprintf("document.getElementById(%q).focus()", id))
	v.press(text)
}

// press presses keys where the focus is.
func (v *visit) press(keys string) {
	v.Helper()
	get(v, chromedp.KeyEvent(keys))
}

// clicks clicks into the middle of an element.
func (v *visit) clicks(selector string) {
	v.Helper()
	at := js[[]float64](v, fmt.Sprintf("(() => { const b = document.querySelector(%q).getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })()", selector))
	get(v, chromedp.MouseClickXY(at[0], at[1]))
}

// signIn signs in with a token, on the page that asks for it.
func (v *visit) signIn(token string) {
	v.Helper()
	v.open("/")
	v.types("token", token+"\r")
	v.sees(`//h1[.="Organizations"]`)
}

// at returns where the browser is.
func (v *visit) at() string {
	v.Helper()
	return strings.TrimPrefix(js[string](v, "location.href"), v.url)
}

// complaints are what the browser had to say so far, of this page's policy included.
func (v *visit) complaints() []string {
	v.Helper()
	forbidden := js[[]string](v, "window.violations || []")
	v.mu.Lock()
	defer v.mu.Unlock()
	return append(slices.Clone(v.said), forbidden...)
}

// quiet fails if there was anything.
func (v *visit) quiet() {
	v.Helper()
	if said := v.complaints(); len(said) > 0 {
		v.Errorf("the browser complains: %q", said)
	}
}

// cookies returns those that the browser keeps.
func (v *visit) cookies() []*network.Cookie {
	v.Helper()
	return command(v, network.GetCookies, network.GetCookiesParams{}).Cookies
}
