package signin

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// attemptTime is how long somebody may take at the provider.
const attemptTime = 10 * time.Minute

// maxReturn bounds the path that a browser comes back to, in bytes: browsers keep no cookie
// of more than 4096 (RFC 6265 §6.1).
const maxReturn = 1024

// attempt is one way through the provider, kept by the browser that makes it.
type attempt struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Return   string `json:"r,omitempty"` // of a browser's
	Client   client `json:"c,omitzero"`  // of a client's
}

// login sends a browser to the provider.
func (s *SignIn) login(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("callback") {
		// That of existing clients has the token in the URL, where histories and proxies keep it.
		s.fail(w, r, http.StatusBadRequest, "This client cannot sign in here. Use managedcas auth login, or an API token.", nil)
		return
	}
	target := local(r.URL.Query().Get("return"))
	if len(target) > maxReturn {
		target = "/"
	}
	s.begin(w, r, attempt{Return: target})
}

func (s *SignIn) begin(w http.ResponseWriter, r *http.Request, a attempt) {
	a.State, a.Nonce, a.Verifier = secret(), secret(), oauth2.GenerateVerifier()
	where, err := s.provider.begin(a)
	if err != nil {
		s.fail(w, r, http.StatusServiceUnavailable, "The sign-in provider does not answer. Try again in a moment.", err)
		return
	}
	if err := s.keep(w, attemptCookie, a, attemptTime); err != nil {
		s.fail(w, r, http.StatusInternalServerError, "Something went wrong here.", err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, where, http.StatusSeeOther)
}

// callback is where the provider sends a browser back to.
func (s *SignIn) callback(w http.ResponseWriter, r *http.Request) {
	var a attempt
	ok := s.recall(r, attemptCookie, &a)
	query := r.URL.Query()
	// RFC 9207: a provider that says who it is must be the one that was asked.
	mixed := query.Has("iss") && query.Get("iss") != s.cfg.Issuer
	if !ok || mixed || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(a.State)) != 1 {
		s.fail(w, r, http.StatusBadRequest, "This sign-in was not begun in this browser, or too long ago. Begin again.", nil)
		return
	}
	s.forget(w, attemptCookie)
	if refused := query.Get("error"); refused != "" {
		s.fail(w, r, http.StatusForbidden, "The sign-in provider has refused.", errors.New(audit.Clean(refused)))
		return
	}
	who, err := s.provider.end(r.Context(), a, query.Get("code"))
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, "The sign-in provider's answer is not good. Begin again.", err)
		return
	}
	u, err := s.user(r.Context(), who)
	if errors.Is(err, errNotLetIn) {
		s.fail(w, r, http.StatusForbidden, "Your account is not let in here. Ask the operator of this installation.", err)
		return
	}
	if err != nil {
		s.fail(w, r, http.StatusServiceUnavailable, "The database does not answer. Try again in a moment.", err)
		return
	}
	if a.Client.Port != 0 {
		s.askConsent(w, r, a.Client, u)
		return
	}
	s.enter(w, r, u, a.Return)
}

// enter gives the browser its login.
func (s *SignIn) enter(w http.ResponseWriter, r *http.Request, u registry.User, target string) {
	text, login, err := s.cfg.Tokens.LogIn(as(r.Context(), u), u, "browser", s.cfg.LoginLifetime)
	if err != nil {
		s.fail(w, r, http.StatusServiceUnavailable, "The database does not answer. Try again in a moment.", err)
		return
	}
	s.cookie.Set(w, text, login.ExpiresAt)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, local(target), http.StatusSeeOther)
}

// caller returns who is signed in with this browser.
func (s *SignIn) caller(r *http.Request) (auth.Caller, registry.User, error) {
	caller, err := s.cfg.Tokens.Verify(r.Context(), s.cookie.Token(r), "")
	if err != nil {
		return auth.Caller{}, registry.User{}, err
	}
	u, ok := caller.User()
	if !ok {
		return auth.Caller{}, registry.User{}, problem.New(problem.Unauthenticated, "the token is not a login", "sign in")
	}
	return caller, u, nil
}

// logout ends the login of this browser.
func (s *SignIn) logout(w http.ResponseWriter, r *http.Request) {
	caller, u, err := s.caller(r)
	if err == nil {
		err = s.cfg.Store.RevokeLogin(as(r.Context(), u), u.ID, caller.TokenID(), time.Now())
	} else if problem.KindOf(err) == problem.Unauthenticated {
		err = nil // it is over already
	}
	if err != nil {
		// It would be good for hours in the hands of whoever has a copy: say so.
		s.fail(w, r, http.StatusServiceUnavailable, "The database does not answer, and you are still signed in. Try again in a moment.", err)
		return
	}
	s.cookie.Clear(w)
	s.page(w, r, http.StatusOK, content{Title: "You are signed out", Link: "/auth/login", LinkText: "Sign in"})
}

// clientName is how a client calls itself, as it may be shown.
func clientName(text string) string {
	name := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, text)
	if name = strings.TrimSpace(name); name == "" {
		return "a machine without a name"
	}
	return name[:min(len(name), maxClientName)]
}

// maxClientName bounds the name of a client, in characters.
const maxClientName = 64
