package webui

import (
	"net/http"

	"github.com/managedcas/managedcas/internal/problem"
)

// policy lets a page load what this program serves, and nothing else: no script or style
// inside of pages, no plug-ins, no frames, no forms to elsewhere
// (https://www.w3.org/TR/CSP3/). connect-src is for htmx.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// hardened sets what browsers are told about every answer. Pages are not kept: who has
// signed out sees none by going back.
func hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: with it, browsers send "Origin: null" with our own forms.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses forms that a page of another origin sends, by what browsers say of
// requests (Sec-Fetch-Site, else Origin). The cookie is SameSite=Lax besides.
func (p *Pages) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.fail(w, r, problem.New(problem.Denied, "the request comes from a page of another site", ""))
	}))
	return protection.Handler(next)
}
