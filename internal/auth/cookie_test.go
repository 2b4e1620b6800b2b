package auth_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/auth"
)

// kept is what a browser keeps of an answer, as it sends it again.
func kept(w *httptest.ResponseRecorder) *http.Cookie {
	if all := w.Result().Cookies(); len(all) == 1 {
		return all[0]
	}
	return nil
}

func TestCookie(t *testing.T) {
	t.Parallel()
	direct := httptest.NewRequest(http.MethodGet, "/", nil)
	secure := httptest.NewRequest(http.MethodGet, "/", nil)
	secure.TLS = &tls.ConnectionState{}
	proxied := httptest.NewRequest(http.MethodGet, "/", nil)
	proxied.Header.Set("X-Forwarded-Proto", "https")
	for _, tc := range []struct {
		request *http.Request
		name    string
		secure  bool
	}{
		{direct, "managedcas_login", false}, {secure, "__Host-managedcas_login", true}, {proxied, "__Host-managedcas_login", true},
	} {
		w := httptest.NewRecorder()
		if !auth.SetCookie(w, tc.request, "aaa.bbb.ccc") {
			t.Fatal("not set")
		}
		c := kept(w)
		if c == nil || c.Name != tc.name || c.Secure != tc.secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 || !c.Expires.IsZero() {
			t.Errorf("%s: %v", tc.name, c)
		}
		tc.request.AddCookie(c)
		if got := auth.CookieToken(tc.request); got != "aaa.bbb.ccc" {
			t.Errorf("%s: read back %q", tc.name, got)
		}
		w = httptest.NewRecorder()
		auth.DropCookie(w, tc.request)
		if c := kept(w); c == nil || c.Name != tc.name || c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("%s: dropped by %v", tc.name, c)
		}
		tc.request.AddCookie(c)
		if got := auth.CookieToken(tc.request); got != "" {
			t.Errorf("%s: of two cookies %q is taken", tc.name, got)
		}
	}
}

// Only what may be a token is kept, up to the length that browsers keep.
func TestCookieOfWhatIsNoToken(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", 4096-len("__Host-managedcas_login"))
	for text, want := range map[string]bool{
		"": false, "a b": false, "a\r\nb": false, "tokén": false, "a\"b": false, longest: true, longest + "a": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		w := httptest.NewRecorder()
		if got := auth.SetCookie(w, r, text); got != want || (kept(w) != nil) != want {
			t.Errorf("%.20q: %v, cookie %v; want %v", text, got, kept(w), want)
		}
		r.Header.Set("Cookie", "managedcas_login="+text)
		if got := auth.CookieToken(r); (got != "") != want {
			t.Errorf("%.20q: read %.20q", text, got)
		}
	}
}
