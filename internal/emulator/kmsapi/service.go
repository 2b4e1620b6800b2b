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
	awsjson.Dispatch

	cfg       Config
	material  *state.DB
	documents *gate.Documents // key policies
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
	s.Dispatch = awsjson.Dispatch{
		Service: "kms", TargetPrefix: targetPrefix, MaxBody: maxBody,
		Handlers: s.implemented(), InOwnTerms: inKMSTerms, Log: cfg.Log,
	}
	if err := s.destroyDue(); err != nil {
		return nil, errors.Join(fmt.Errorf("destroying keys that are due: %w", err), db.Close())
	}
	return s, nil
}

// Close closes the key store. Config.DB stays open.
func (s *Service) Close() error { return s.material.Close() }

// authorize asks the gate. Only a request to KMS itself has a key as its main
// resource; when S3 asks on a caller's behalf, S3 has named the object.
func (s *Service) authorize(ctx context.Context, caller *api.Caller, checks ...gate.Check) error {
	if req := api.FromContext(ctx); req != nil && req.Service == "kms" {
		req.Resource = checks[0].Resource
	}
	return s.cfg.Gate.Authorize(ctx, caller, checks...)
}
