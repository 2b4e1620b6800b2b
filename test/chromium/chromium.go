// Package chromium starts Debian's Chromium for tests of pages.
package chromium

import (
	"context"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// Start starts a browser that nobody else has, until the test ends, and returns the context
// of its first window. Its directory is chromedp's: processes of Chromium's outlive the first
// one and go on writing there, so that whoever removes it must end them, and try twice.
func Start(t testing.TB) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath("chromium"),
		chromedp.NoSandbox, // of root's processes there is none
		chromedp.Flag("no-proxy-server", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() { cancel(); stop() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium (make packages installs it): %v", err)
	}
	return ctx
}
