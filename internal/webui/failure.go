package webui

import (
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"github.com/managedcas/managedcas/internal/problem"
)

// failure is what a page says of what went wrong.
type failure struct {
	Status  int
	Heading string
	Message string
	Next    string
	Again   string // where to try again; "": nowhere
	SignIn  string // where to come as somebody else; "": not the point
}

// headings and next steps of what pages meet. The hints of the services are for the
// command line, and stand only beside forms.
var failures = map[problem.Kind]struct{ heading, next string }{
	problem.Invalid:     {"That was not understood", "Go back, and correct what was sent."},
	problem.Denied:      {"Not for you", "Go to your organizations, or sign in as somebody who may."},
	problem.NotFound:    {"Not found", "Go to your organizations, and follow the links from there."},
	problem.Throttled:   {"Too many requests", "Wait for a moment, then try again."},
	problem.TooLarge:    {"Too much was sent", "Go back, and send less."},
	problem.Unavailable: {"Not available right now", "Try again in a moment. If it stays like this, tell the operator of the installation."},
	problem.Deadline:    {"That took too long", "Try again in a moment. If it stays like this, tell the operator of the installation."},
}

// elsewhere is for all other kinds.
var elsewhere = struct{ heading, next string }{"Something went wrong", "Try again. If it stays like this, the operator of the installation finds the cause in the server log."}

// fail answers a request that failed. Who is not signed in is asked to sign in, and comes
// back afterwards.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	why := problem.From(err)
	if why.Kind() == problem.Unauthenticated {
		p.askToSignIn(w, r)
		return
	}
	if partly(r) && (why.Kind() == problem.NotFound || why.Kind() == problem.Denied) {
		w.Header().Set("HX-Refresh", "true") // the whole page says why, and asks no more
		w.WriteHeader(http.StatusNoContent)
		return
	}
	level := slog.LevelDebug // what the services refused is in their own lines, and anybody can ask for no page
	if why.Kind().HTTPStatus() >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	p.log.LogAttrs(r.Context(), level, "page", slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("kind", why.Kind().String()), slog.String("error", err.Error()))
	words, ok := failures[why.Kind()]
	if !ok {
		words = elsewhere
	}
	f := failure{Status: why.Kind().HTTPStatus(), Heading: words.heading, Message: sentence(why.Message()), Next: words.next}
	if r.Method == http.MethodGet && f.Status >= http.StatusTooManyRequests {
		f.Again = r.URL.RequestURI()
	}
	if why.Kind() == problem.Denied {
		f.SignIn = signInPath(here(r))
	}
	if after := why.RetryAfter(); after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	if err := p.show(w, f.Status, "failure", content{Title: f.Heading, Page: f}); err != nil {
		p.log.LogAttrs(r.Context(), slog.LevelError, "page", slog.String("path", r.URL.Path), slog.String("error", err.Error()))
		http.Error(w, "server error", http.StatusInternalServerError)
	}
}

// askToSignIn forgets a token that is no longer good and sends the visitor to where they
// show another one. htmx follows its own header: a redirect would show the page inside of
// the old one.
func (p *Pages) askToSignIn(w http.ResponseWriter, r *http.Request) {
	path := signInPath(here(r))
	if p.cookie.Token(r) != "" {
		p.cookie.Clear(w)
		path += "&ended=1"
	}
	if partly(r) {
		w.Header().Set("HX-Redirect", path)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// partly reports whether htmx asks, and wants part of a page.
func partly(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }

// here is where to come back to. Forms are not sent again.
func here(r *http.Request) string {
	if r.Method != http.MethodGet || partly(r) {
		return r.URL.EscapedPath()
	}
	return r.URL.RequestURI()
}

func signInPath(back string) string {
	return "/signin?return=" + url.QueryEscape(localPath(back))
}
