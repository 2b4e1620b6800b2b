package webui

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// signInForm is the page on which people show who they are.
type signInForm struct {
	Return   string
	Ended    bool   // the session that was
	Provider string // where an identity provider is asked; "": there is none
	Message  string // what was wrong with the token
	Hint     string
}

func (p *Pages) showSignIn(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	return p.askForToken(w, r, http.StatusOK, signInForm{Return: localPath(query.Get("return")), Ended: query.Has("ended")})
}

// hasProvider reports whether there is an identity provider, as the control plane tells all
// of its clients.
func (p *Pages) hasProvider(r *http.Request) (bool, error) {
	info, err := p.api.status.Infoz(anonymous(r), &controlplanev1.InfozRequest{})
	return info.GetLoginUrl() != "", err
}

// askForToken shows the form.
func (p *Pages) askForToken(w http.ResponseWriter, r *http.Request, status int, f signInForm) error {
	provider, err := p.hasProvider(r)
	if err != nil {
		return err
	}
	if provider {
		f.Provider = "/auth/login?return=" + url.QueryEscape(f.Return)
	}
	return p.show(w, status, "signin", content{Title: "Sign in", Page: f})
}

// signIn takes a pasted token: the browser keeps one that is good until it is closed.
func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) error {
	token, back := strings.TrimSpace(r.PostFormValue("token")), localPath(r.PostFormValue("return"))
	var err error = problem.New(problem.Unauthenticated, "that is no token", "")
	if mayBeToken(token) {
		_, err = p.api.contexts.Current(calling(r, token, ""), &controlplanev1.ContextServiceCurrentRequest{})
	}
	if err == nil {
		p.keep(w, token)
		http.Redirect(w, r, back, http.StatusSeeOther)
		return nil
	}
	why := problem.From(err)
	if why.Kind() != problem.Unauthenticated {
		return err
	}
	return p.askForToken(w, r, why.Kind().HTTPStatus(), signInForm{
		Return: back, Message: sentence(why.Message()),
		Hint: "Paste a whole token, as token create or managedcasd token printed it. One that was revoked or has expired is of no use any more.",
	})
}

// signOut has the browser forget the token, and the pages that it keeps for going back: those
// it keeps in spite of no-store (https://w3c.github.io/webappsec-clear-site-data/).
// A login ends where it began, and for good: that takes the cookie, so it is kept till then.
func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	provider, err := p.hasProvider(r)
	if err != nil {
		return err
	}
	w.Header().Set("Clear-Site-Data", `"cache"`)
	if provider {
		http.Redirect(w, r, "/auth/logout", http.StatusTemporaryRedirect) // a POST again
		return nil
	}
	p.cookie.Clear(w)
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
	return nil
}

// localPath returns where to go after signing in: text, if it is a path here, and else
// where everything begins. Browsers take "\" for "/", and leave out tabs and line breaks
// (https://url.spec.whatwg.org/#concept-basic-url-parser).
func localPath(text string) string {
	const start = "/organizations"
	if !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || strings.ContainsFunc(text, func(r rune) bool { return r == '\\' || r <= ' ' || r == 0x7f }) {
		return start
	}
	u, err := url.Parse(text)
	if err != nil || u.Host != "" || u.Scheme != "" || u.Path == "/signin" || u.Path == "/signout" || u.Path == "/" {
		return start
	}
	return u.RequestURI()
}
