// Package cashttp serves artifacts over HTTP:
//
//	PUT  /v1/artifacts/{digest}   store; 201 when new, 200 when it was there
//	GET  /v1/artifacts/{digest}   read, all of it or a range
//	HEAD /v1/artifacts/{digest}   describe
//	GET  /download/{digest}?t=    read, for browsers and the stock protocol
//
// Uploads that can be resumed follow draft-ietf-httpbis-resumable-upload:
//
//	POST   /v1/artifacts/{digest}/uploads           begin; 201 and a Location
//	HEAD   /v1/artifacts/{digest}/uploads/{upload}  how far it is
//	PATCH  /v1/artifacts/{digest}/uploads/{upload}  append
//	DELETE /v1/artifacts/{digest}/uploads/{upload}  cancel
//
// Every request carries a CAS token, which alone says whose artifacts are meant.
package cashttp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/direct"
	"github.com/managedcas/managedcas/internal/problem"
)

// Store keeps artifacts. Its errors are those that cas.Problem explains.
type Store interface {
	Put(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (created bool, err error)
	Offer(ctx context.Context, ref cas.Ref, length int64, body io.Reader, label cas.Label) (created bool, err error)
	GetRange(ctx context.Context, ref cas.Ref, want cas.Range) (*cas.Artifact, error)
	Stat(ctx context.Context, ref cas.Ref) (cas.Info, error)
}

// Tokens verifies CAS tokens.
type Tokens interface {
	// Grant returns what token allows, or a problem of kind Unauthenticated.
	Grant(ctx context.Context, token string) (cas.Grant, error)
}

// Config is what New needs.
type Config struct {
	Store    Store
	Uploads  Uploads
	Tokens   Tokens
	MaxBytes int64 // of one artifact
	// Idle is how long a transfer may stand still before it is cut off; 0: a minute.
	Idle time.Duration
	Log  *slog.Logger
}

const defaultIdle = time.Minute

type server struct{ Config }

// New returns the handler of the paths above.
func New(cfg Config) http.Handler {
	if cfg.Idle == 0 {
		cfg.Idle = defaultIdle
	}
	s := server{cfg}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/artifacts/{digest}", s.handle(bearer, s.put))
	mux.HandleFunc("GET /v1/artifacts/{digest}", s.handle(bearer, s.get)) // HEAD as well
	mux.HandleFunc("GET /download/{digest}", s.handle(queryToken, s.get))
	const uploads, upload = "/v1/artifacts/{digest}/uploads", "/v1/artifacts/{digest}/uploads/{upload}"
	mux.HandleFunc("OPTIONS "+uploads, s.optionsUploads)
	mux.HandleFunc("POST "+uploads, s.handle(bearer, s.createUpload))
	mux.HandleFunc("HEAD "+upload, s.handle(bearer, s.headUpload))
	mux.HandleFunc("PATCH "+upload, s.handle(bearer, s.patchUpload))
	mux.HandleFunc("DELETE "+upload, s.handle(bearer, s.deleteUpload))
	return mux
}

type handler func(w http.ResponseWriter, r *http.Request, grant cas.Grant, d digest.Digest) error

// handle authenticates, parses the digest and renders what fails.
func (s server) handle(token func(*http.Request) string, next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// net/http reads some of what a refused client still sends: not for ever.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.Idle))
		}
		err := func() error {
			grant, err := s.Tokens.Grant(r.Context(), token(r))
			if err != nil {
				return err
			}
			d, err := digest.Parse(r.PathValue("digest"))
			if err != nil {
				return err
			}
			return next(w, r, grant, d)
		}()
		if err == nil {
			return
		}
		err = cas.Problem(err)
		s.Log.LogAttrs(r.Context(), level(r.Method, err), "artifact request failed",
			slog.String("method", r.Method), slog.String("path", short(r.URL.Path)), slog.Any("error", err))
		if !uploadProblem(w, err) {
			problem.WriteHTTP(w, err)
		}
	}
}

func level(method string, err error) slog.Level {
	switch kind := problem.KindOf(err); {
	case kind == problem.Internal, kind == problem.Corrupt, kind == problem.Unavailable:
		return slog.LevelError
	case kind == problem.NotFound && method == http.MethodHead, direct.Expected(err):
		return slog.LevelDebug // a question, and the answer is no
	}
	return slog.LevelInfo
}

// maxLoggedPath is longer than the path of any upload: strangers do not fill the log.
const maxLoggedPath = 200

func short(path string) string {
	if len(path) <= maxLoggedPath {
		return path
	}
	return fmt.Sprintf("%s… (%d bytes)", path[:maxLoggedPath], len(path))
}

// bearer returns the token of a request, or none if it shows several: of two, a proxy
// may have looked at the other one.
func bearer(r *http.Request) string { return auth.Bearer(only(r.Header["Authorization"])) }

func queryToken(r *http.Request) string {
	if t := r.URL.Query()["t"]; len(t) > 1 || only(t) != "" {
		return only(t)
	}
	return bearer(r)
}

// only returns the value that is alone.
func only(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}
