package controlplane

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// readyTimeout bounds a readiness check: kubelet's own patience is a second by
// default, and an answer after that is as good as none.
const readyTimeout = time.Second

type status struct {
	controlplanev1.UnimplementedStatusServiceServer
	server *Server
}

// Infoz says which version is running.
func (s status) Infoz(context.Context, *controlplanev1.InfozRequest) (*controlplanev1.InfozResponse, error) {
	return s.server.info(), nil
}

// Statusz answers when the server is alive; with readiness, when it can work.
func (s status) Statusz(ctx context.Context, req *controlplanev1.StatuszRequest) (*controlplanev1.StatuszResponse, error) {
	if req.GetReadiness() {
		if err := s.server.ready(ctx); err != nil {
			return nil, err
		}
	}
	return &controlplanev1.StatuszResponse{}, nil
}

func (s *Server) info() *controlplanev1.InfozResponse {
	return &controlplanev1.InfozResponse{LoginUrl: s.cfg.LoginURL, Version: s.cfg.Version, RestrictedOrgCreation: s.cfg.RestrictOrganizationCreation}
}

// ready reports why the server cannot work. Those who ask at the same time get one answer:
// anybody may ask, as often as they like, and each time takes a connection to the database and
// the lock of the signing keys.
func (s *Server) ready(ctx context.Context) error {
	_, err, _ := s.readiness.Do("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
		defer cancel()
		return nil, s.check(ctx)
	})
	return err
}

func (s *Server) check(ctx context.Context) error {
	if err := s.cfg.Store.Ping(ctx); err != nil {
		return problem.Wrap(err, problem.Unavailable, "the database does not answer", "the operator finds the cause in the server log")
	}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Checks)) {
		if err := s.cfg.Checks[name](ctx); err != nil {
			return problem.Wrap(err, problem.Unavailable, "not ready: "+name, "the operator finds the cause in the server log")
		}
	}
	return nil
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { writeJSON(w, []byte("{}")) }

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.ready(r.Context()); err != nil {
		s.unready.Do(func() { s.cfg.Log.ErrorContext(r.Context(), "not ready", "error", err) })
		problem.WriteHTTP(w, err)
		return
	}
	writeJSON(w, []byte("{}"))
}

// statusz is StatusService/Statusz over HTTP.
func (s *Server) statusz(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Query().Get("readiness") {
	case "1", "true":
		s.readyz(w, r)
	default:
		s.healthz(w, r)
	}
}

func (s *Server) infoz(w http.ResponseWriter, _ *http.Request) {
	body, err := protojson.Marshal(s.info())
	if err != nil {
		problem.WriteHTTP(w, err)
		return
	}
	writeJSON(w, body)
}

// jwks publishes the keys of CAS tokens (RFC 7517). They may be cached for as long as
// a CAS does it by itself.
func (s *Server) jwks(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.limiter.limits.CallTime)
	defer cancel()
	body, err := json.Marshal(s.cfg.Keys.JWKS(ctx))
	if err != nil {
		problem.WriteHTTP(w, err)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=60")
	writeJSON(w, body)
}

func writeJSON(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// The client may have gone; there is nobody left to tell.
	_, _ = w.Write(body)
}
