// Package webui is what people see in a browser: pages about organizations and their
// storage, rendered here, embedded in the program.
//
// Invariants:
//   - A page decides nothing about who may do what. It calls the services with the
//     visitor's token, as any client does, over a connection within the process.
//   - Pages work without scripts; htmx only spares reloads. There is no script or style
//     inside a page, and the content security policy allows none.
//   - What changes something is a POST, from a page of the same origin.
//   - What is shown of storage is what the services say: no AWS names (DESIGN I10).
package webui

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"runtime/debug"

	"google.golang.org/grpc"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
)

// maxForm bounds the body of a form, in bytes: a token is the longest thing that is typed.
const maxForm = 16 << 10

// Config is what New needs.
type Config struct {
	API     grpc.ClientConnInterface // of the control plane, with all its interceptors
	Cookie  auth.LoginCookie         // that sign-in through an identity provider sets, too
	Log     *slog.Logger
	Version string // of the program
}

// Pages serves the pages.
type Pages struct {
	api       services
	cookie    auth.LoginCookie
	log       *slog.Logger
	version   string
	assets    assets
	templates map[string]*template.Template
}

// New returns the pages: a handler for every path that nobody else serves.
func New(cfg Config) (http.Handler, error) {
	p := &Pages{api: newServices(cfg.API), cookie: cfg.Cookie, log: cfg.Log, version: cfg.Version}
	var err error
	if p.assets, err = readAssets(); err != nil {
		return nil, err
	}
	if p.templates, err = readTemplates(p.assets); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{hash}/{file}", p.assets)
	for pattern, serve := range map[string]page{
		"GET /{$}":                  to("/organizations"),
		"GET /signin":               p.showSignIn,
		"POST /signin":              p.signIn,
		"POST /signout":             p.signOut,
		"GET /organizations":        p.signedIn(p.listOrganizations),
		"POST /organizations":       p.signedIn(p.createOrganization),
		"GET /organizations/{name}": p.signedIn(p.openOrganization),
		"GET /organizations/{name}/storage-backends":  p.signedIn(p.showStorage),
		"POST /organizations/{name}/storage-backends": p.signedIn(p.makeDefault),
		"GET /organizations/{name}/members":           p.signedIn(p.listMembers),
		"/":                                           noPage,
	} {
		mux.Handle(pattern, p.handle(serve))
	}
	return hardened(p.sameOrigin(mux)), nil
}

// page serves a request, or says why not; then it has written nothing.
type page func(w http.ResponseWriter, r *http.Request) error

// handle serves a page, and shows what goes wrong.
func (p *Pages) handle(serve page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := p.survive(serve, w, r); err != nil {
			p.fail(w, r, err)
		}
	})
}

// survive turns a panic into an error.
func (p *Pages) survive(serve page, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if err := readForm(r); err != nil {
		return err
	}
	return serve(w, r)
}

// readForm reads what a form sends: a value that is missing because the body could not be
// read is none that was left out.
func readForm(r *http.Request) error {
	err := r.ParseForm()
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return problem.Wrap(err, problem.TooLarge, fmt.Sprintf("the form has more than %d bytes", maxForm), "")
	}
	if err != nil {
		return problem.Wrap(err, problem.Invalid, "what was sent is no form", "")
	}
	return nil
}

// to redirects.
func to(path string) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, path, http.StatusSeeOther)
		return nil
	}
}

func noPage(http.ResponseWriter, *http.Request) error {
	return problem.New(problem.NotFound, "there is no such page", "")
}

// signedIn gives a page its visitor, who has shown a token that is good, and the context
// of calls on their behalf.
func (p *Pages) signedIn(serve func(context.Context, http.ResponseWriter, *http.Request, visitor) error) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx, who, err := p.visit(r)
		if err != nil {
			return err
		}
		return serve(ctx, w, r, who)
	}
}
