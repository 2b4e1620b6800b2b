package signin

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// style is allowed by its hash, and nothing else is: no script, no image, no frame.
const style = template.CSS(`body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}` +
	`input,button{font:inherit;padding:.5rem .75rem}dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}[role=alert]{font-weight:600}`)

var styleHash = func() string {
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// policy of a page. formTo is an origin that a form may lead to by a redirect, besides our
// own, as browsers have it (CSP 3 §6.4.1); empty: none.
func policy(formTo string) string {
	action := strings.TrimSpace("'self' " + formTo)
	return "default-src 'none'; style-src 'sha256-" + styleHash + "'; form-action " + action + "; frame-ancestors 'none'; base-uri 'none'"
}

// content is what a page shows.
type content struct {
	Title, Text, Mistake string
	Link, LinkText       string
	User                 string
	AskCode              bool
	// Code and what follows are of a device to decide about.
	Code, Client, Address, Asked string
	// Program is what a client on this machine calls itself, and Port where it waits, which
	// FormTo is the origin of.
	Program string
	Port    int
	FormTo  string

	Form  string // proves that a form was shown to this login, or in this browser
	Style template.CSS
}

// form shows a page with a form, which is good for this login alone.
func (s *SignIn) form(w http.ResponseWriter, r *http.Request, status int, caller auth.Caller, c content) {
	var err error
	if c.Form, err = s.seal.close(purposeForm, caller.TokenID().String(), time.Now().Add(attemptTime)); err != nil {
		s.fail(w, r, http.StatusInternalServerError, "Something went wrong here.", err)
		return
	}
	s.page(w, r, status, c)
}

// page shows c.
func (s *SignIn) page(w http.ResponseWriter, r *http.Request, status int, c content) {
	c.Style = style
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, c); err != nil {
		s.cfg.Log.ErrorContext(r.Context(), "sign-in page", "error", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy(c.FormTo))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: with it, browsers call the origin of a form null.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the browser may have gone
}

// fail says what went wrong. The cause is for the log: it may quote the provider.
func (s *SignIn) fail(w http.ResponseWriter, r *http.Request, status int, text string, cause error) {
	s.cfg.Log.WarnContext(r.Context(), "sign-in refused", "path", r.URL.Path, "status", status, "said", text, "error", cause)
	s.page(w, r, status, content{Title: "Not signed in", Text: text, Link: "/auth/login", LinkText: "Sign in"})
}

// Unconfigured answers for an installation that nobody can sign in to.
func Unconfigured(w http.ResponseWriter, r *http.Request) {
	(&SignIn{cfg: Config{Log: slog.New(slog.DiscardHandler)}}).page(w, r, http.StatusNotFound, content{
		Title: "Nobody can sign in here yet",
		Text:  "The operator of this installation configures sign-in with controlplane.oidc and controlplane.publicUrl (docs/identity.md). API tokens work without.",
	})
}
