package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/managedcas/managedcas/internal/auditlog"
	"github.com/managedcas/managedcas/internal/signin"
	"github.com/managedcas/managedcas/test/issuer"
)

// A command line waits on loopback, and the browser goes back to it from the form that asks
// about it: across origins, which the page's own policy has to let it.
func testCommandLine(t *testing.T, s *site) {
	provider := issuer.New(t)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	log := slog.New(slog.DiscardHandler)
	pages, err := signin.New(signin.Config{
		PublicURL: server.URL, Issuer: provider.URL, ClientID: "managedcas", ClientSecret: "sixteen bytes ok",
		Store: s.DB, Tokens: s.tokens, Audit: auditlog.New(auditlog.Config{Store: s.DB, Log: log}), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle(signin.Path, pages)
	waiting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("back again")) }))
	t.Cleanup(waiting.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(waiting.URL, "http://"), ":")
	for _, tc := range []struct{ decision, brings string }{{"approve", "code"}, {"deny", "error"}} {
		v := s.visit(t, desktop)
		get(v, chromedp.Navigate(server.URL+"/auth/cli?"+url.Values{"port": {port}, "challenge": {strings.Repeat("x", 43)}, "state": {"xyz"}, "name": {"laptop"}}.Encode()))
		v.sees(`//h1[contains(.,"somebody@example.com")]`, `//dd[contains(.,"`+port+`")]`)
		v.quiet()
		v.clicks("button[value=" + tc.decision + "]")
		v.sees(`//*[contains(.,"back again")]`)
		at, err := url.Parse(js[string](v, "location.href"))
		if err != nil || at.Host != "127.0.0.1:"+port || at.Path != "/callback" || at.Query().Get("state") != "xyz" || at.Query().Get(tc.brings) == "" {
			t.Errorf("%s: back at %s, %v", tc.decision, at, err)
		}
		v.quiet()
	}
}
