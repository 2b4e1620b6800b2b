package web

import (
	"context"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// command sends a command of the protocol to the visitor's browser.
func command[P, R any](v *visit, c cdp.Command[P, R], params P) R {
	v.Helper()
	return get(v, func(ctx context.Context, target *chromedp.Target) (R, error) { return cdp.Call(ctx, target, c, params) })
}
