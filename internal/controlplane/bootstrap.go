package controlplane

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// bootstrapLifetime is long enough for an installation that is made today and looked at
// tomorrow.
const bootstrapLifetime = 24 * time.Hour

// bootstrapPrefix lets people, and scanners of logs, see what it is.
const bootstrapPrefix = "mcas-bootstrap-"

// Bootstraps is what the services need of a database for the first administrator.
type Bootstraps interface {
	// OpenBootstrap stores the hash of a token, unless the installation has an administrator
	// (registry.ErrAdministered), or another token is open (registry.ErrExists).
	OpenBootstrap(ctx context.Context, sum [sha256.Size]byte, now, expires time.Time) error
	// UseBootstrap ends the open token if sum is its hash, or fails with
	// registry.ErrNotFound or registry.ErrAdministered.
	UseBootstrap(ctx context.Context, sum [sha256.Size]byte, now time.Time) error
	// SetInstanceAdmin makes a user an administrator of the installation, or no longer.
	SetInstanceAdmin(ctx context.Context, user uuid.UUID, admin bool) error
}

// Bootstrap returns the token of an installation's first start: empty when it has an
// administrator, or another process has printed one. Nothing but its hash is kept.
func (s *Server) Bootstrap(ctx context.Context) (string, error) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	text := bootstrapPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	now := time.Now()
	err := s.cfg.Store.OpenBootstrap(ctx, sha256.Sum256([]byte(text)), now, now.Add(bootstrapLifetime))
	switch {
	case errors.Is(err, registry.ErrAdministered):
		return "", nil
	case errors.Is(err, registry.ErrExists):
		s.cfg.Log.InfoContext(ctx, "nobody administers this installation yet: use the bootstrap token that another start has printed, or managedcasd token")
		return "", nil
	case err != nil:
		return "", fmt.Errorf("make the bootstrap token: %w", err)
	}
	return text, nil
}

type bootstraps struct {
	managedcasv1.UnimplementedBootstrapServiceServer
	server *Server
}

// Redeem returns an instance token.
func (b bootstraps) Redeem(ctx context.Context, req *managedcasv1.BootstrapServiceRedeemRequest) (*managedcasv1.BootstrapServiceRedeemResponse, error) {
	name := req.GetName()
	if name == "" {
		name = "bootstrap"
	}
	if _, err := org.ParseName(name); err != nil { // the rule for all tokens
		return nil, problem.Wrap(err, problem.Invalid, "that is not a name of a token", "use 1 to 63 lowercase letters, digits and inner hyphens")
	}
	if err := b.use(ctx, req.GetToken()); err != nil {
		return nil, err
	}
	text, _, err := b.server.cfg.Tokens.Issue(ctx, auth.NewToken{Name: name, Replace: true})
	if err != nil {
		return nil, errSpent(err)
	}
	return &managedcasv1.BootstrapServiceRedeemResponse{Token: text}, nil
}

// Claim makes the caller an administrator.
func (b bootstraps) Claim(ctx context.Context, req *managedcasv1.BootstrapServiceClaimRequest) (*managedcasv1.BootstrapServiceClaimResponse, error) {
	if err := b.use(ctx, req.GetToken()); err != nil {
		return nil, err
	}
	caller, _ := auth.CallerFrom(ctx)
	user, _ := caller.User()
	if err := b.server.cfg.Store.SetInstanceAdmin(ctx, user.ID, true); err != nil {
		return nil, errSpent(err)
	}
	return &managedcasv1.BootstrapServiceClaimResponse{}, nil
}

// use ends the token before anything is given for it: who comes at the same time finds it
// used.
func (b bootstraps) use(ctx context.Context, token string) error {
	err := b.server.cfg.Store.UseBootstrap(ctx, sha256.Sum256([]byte(token)), time.Now())
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return problem.Wrap(err, problem.Denied, "that is not a bootstrap token that is good", "it is good once, for 24 hours; an operator makes another token with managedcasd token")
	case errors.Is(err, registry.ErrAdministered):
		return problem.Wrap(err, problem.Precondition, "the installation has an administrator", "ask them, or its operator")
	case err != nil:
		return unavailable(err)
	}
	return nil
}

// errSpent is nothing that the same call could mend: the token is gone.
func errSpent(cause error) error {
	return problem.Wrap(cause, problem.Precondition, "the bootstrap token is spent, and nothing was given for it", "make a token with managedcasd token")
}
