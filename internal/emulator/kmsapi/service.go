// Package kmsapi emulates AWS KMS as far as SSE-KMS and the tools that set it up
// need it: symmetric keys, their policies, aliases and tags, data keys, and the
// same cryptography for the emulated S3 as a Go API.
//
// A key here protects data as in KMS: its material never leaves the package, every
// ciphertext is bound to its encryption context, and the key policy has to allow
// every use. Material lies in a file of its own, apart from the metadata and the
// objects that it protects.
package kmsapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// targetPrefix begins the X-Amz-Target header of every KMS request.
const targetPrefix = "TrentService."

// maxBody bounds a request body: a key policy is at most 32 KB, its JSON escapes
// double that.
const maxBody = 128 << 10

// Config is what the service needs. All fields but Log are required.
type Config struct {
	DB         *state.DB // descriptions of keys, their policies, aliases
	KeyFile    string    // key material; created with mode 0600
	AccountID  string
	Region     string
	Gate       gate.Authorizer
	Principals gate.Principals
	Log        *slog.Logger
}

// Service is the emulated KMS. It is safe for concurrent use.
type Service struct {
	cfg        Config
	material   *state.DB
	documents  *gate.Documents // key policies
	operations map[string]awsjson.Handler
}

var _ api.Emulated = (*Service)(nil)

// New opens the key store and destroys the keys whose waiting period has ended.
func New(cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	db, err := state.Open(cfg.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("opening the key store: %w", err)
	}
	s := &Service{cfg: cfg, material: db, documents: gate.NewDocuments()}
	s.operations = s.implemented()
	if err := s.destroyDue(); err != nil {
		return nil, errors.Join(fmt.Errorf("destroying keys that are due: %w", err), db.Close())
	}
	return s, nil
}

// Close closes the key store. Config.DB stays open.
func (s *Service) Close() error { return s.material.Close() }

// Operations implements api.Emulated.
func (s *Service) Operations() []string { return slices.Collect(maps.Keys(s.operations)) }

// Operation implements api.Emulated. It also names operations that Serve refuses.
func (s *Service) Operation(r *http.Request) string { return awsjson.Operation(r, targetPrefix) }

// Serve implements api.Emulated.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, req *api.Request) error {
	name := s.Operation(r)
	serve, ok := s.operations[name]
	if !ok {
		return api.NotImplemented("kms", name)
	}
	body, err := awsjson.Read(req.Body, maxBody)
	if err != nil {
		return err
	}
	out, err := serve(r.Context(), req.Caller, body)
	if err != nil {
		return inKMSTerms(err)
	}
	return awsjson.Write(w, http.StatusOK, out)
}

// WriteError implements api.Emulated.
func (s *Service) WriteError(w http.ResponseWriter, _ *http.Request, requestID string, err *api.Error) {
	if werr := awsjson.WriteError(w, err); werr != nil {
		s.cfg.Log.Debug("client left before the error was sent", slog.String("requestId", requestID), slog.Any("error", werr))
	}
}

// authorize asks the gate. Only a request to KMS itself has a key as its main
// resource; when S3 asks on a caller's behalf, S3 has named the object.
func (s *Service) authorize(ctx context.Context, caller *api.Caller, checks ...gate.Check) error {
	if req := api.FromContext(ctx); req != nil && req.Service == "kms" {
		req.Resource = checks[0].Resource
	}
	return s.cfg.Gate.Authorize(ctx, caller, checks...)
}
