package login

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/managedcas/managedcas/test/chromium"
	"github.com/managedcas/managedcas/test/process"
)

// TestSignInInChromium: somebody goes from our page to the provider's form and back, makes
// an organization, and signs out, in a browser as people have it.
func TestSignInInChromium(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "", "ann")
	w := window{t, chromium.Start(t)}
	w.goes(in.public + "/organizations")
	w.awaits("our page", `document.querySelector('a[href^="/auth/login"]') !== null`)
	w.does(`document.querySelector('a[href^="/auth/login"]').click()`)
	w.awaits("the provider's form", `location.pathname.startsWith('/dex/') && document.querySelector('input[name="password"]') !== null`)
	if at := w.says("location.host"); at != hostOf(t, in.issuer) {
		t.Errorf("the form is at %s", at)
	}
	w.does(`document.querySelector('input[name="login"]').focus()`)
	w.types("ann@example.com")
	w.does(`document.querySelector('input[name="password"]').focus()`)
	w.types(password + "\r")
	w.awaits("her organizations", `location.pathname === '/organizations' && document.body.innerText.includes('ann@example.com')`)

	// The login is a cookie that no script and no other host sees.
	if seen := w.says("document.cookie"); seen != "" {
		t.Errorf("scripts see %q", seen)
	}
	kept := w.cookies()
	if len(kept) == 0 {
		t.Error("there is no cookie")
	}
	for _, c := range kept {
		if !c.HTTPOnly || c.SameSite != network.CookieSameSiteLax && c.SameSite != network.CookieSameSiteStrict {
			t.Errorf("the cookie %s: HttpOnly %t, SameSite %s", c.Name, c.HTTPOnly, c.SameSite)
		}
	}

	w.does(`document.querySelector('form[action="/signout"] button').click()`)
	w.awaits("the page for signing in", `document.querySelector('a[href^="/auth/login"]') !== null`)
	w.goes(in.public + "/organizations")
	w.awaits("the page for signing in again", `document.querySelector('a[href^="/auth/login"]') !== null && !document.body.innerText.includes('ann@example.com')`)
}

// window is one of Chromium.
type window struct {
	*testing.T

	ctx context.Context
}

func acts[R any](w window, what chromedp.Action[R]) R {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, process.Patience)
	defer cancel()
	result, err := chromedp.Run(ctx, what)
	if err != nil {
		w.Fatal(err)
	}
	return result
}

func (w window) goes(to string)    { w.Helper(); acts(w, chromedp.Navigate(to)) }
func (w window) types(text string) { w.Helper(); acts(w, chromedp.KeyEvent(text)) }

// says evaluates an expression in the page, and does runs it.
func (w window) says(expression string) string {
	w.Helper()
	return acts(w, chromedp.Evaluate[string](expression))
}

func (w window) does(expression string) {
	w.Helper()
	acts(w, chromedp.Evaluate[string](expression+"; ''"))
}

// awaits asks until it is so: while one page follows another there is no answer.
func (w window) awaits(what, expression string) {
	w.Helper()
	err := chromium.Await(w.ctx, func(ctx context.Context) error {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if err == nil && !is {
			err = errors.New("it is not so yet")
		}
		return err
	})
	if err != nil {
		w.Fatalf("%s: %v\nat %s", what, err, strings.Join([]string{w.says("location.href"), w.says("document.body.innerText")}, "\n"))
	}
}

func (w window) cookies() []*network.Cookie {
	w.Helper()
	answer := acts(w, func(ctx context.Context, target *chromedp.Target) (network.GetCookiesResult, error) {
		return cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{})
	})
	return answer.Cookies
}
