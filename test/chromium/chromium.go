// Package chromium starts Debian's Chromium for tests of pages.
package chromium

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/managedcas/managedcas/test/process"
)

// look is how long one question about a page may take: while one page follows another, some
// get no answer, and are asked again.
const look = 10 * time.Second

// Await asks about a page until the answer is nil, which the context of its window lasts for,
// and no longer than a process may take. Then it returns the last answer.
func Await(window context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(window, process.Patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		once, done := context.WithTimeout(ctx, look)
		err := ask(once)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// Start starts a browser that nobody else has, until the test ends, and returns the context
// of its first window. Its directory is chromedp's: processes of Chromium's outlive the first
// one and go on writing there, so that whoever removes it must end them, and try twice.
func Start(t testing.TB) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath("chromium"),
		chromedp.NoSandbox, // of root's processes there is none
		chromedp.Flag("no-proxy-server", true),
		chromedp.WSURLReadTimeout(process.Patience),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() { cancel(); stop() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium (make packages installs it): %v", err)
	}
	return ctx
}
