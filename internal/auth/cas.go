package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
)

// The lifetimes of CAS tokens. One is checked when a transfer starts, so it need not
// outlive the transfer.
const (
	DefaultCASLifetime = 2 * time.Minute
	MaxCASLifetime     = 5 * time.Minute
)

// casClaims are the claims of a CAS token. The names are those that existing systems
// use (facts WIRE §4), but backend is the id of the storage backend, and there is no
// path of a secret: nothing in a token tells where the artifacts are.
type casClaims struct {
	jwt.Claims

	OrgID    org.ID         `json:"org-id"`
	Role     cas.Role       `json:"role"`
	Backend  uuid.UUID      `json:"backend"`
	Digest   *digest.Digest `json:"digest,omitempty"` // go-jose's encoder knows no omitzero
	MaxBytes int64          `json:"maxbytes,omitempty"`
}

func (c *casClaims) registeredClaims() jwt.Claims { return c.Claims }

// CASSigner issues CAS tokens.
type CASSigner struct {
	ring     *KeyRing
	lifetime time.Duration
}

// NewCASSigner returns a signer of tokens that live as long as lifetime: 0 for the
// default, else from a second, for tokens tell whole ones, to MaxCASLifetime. The ring must be
// one of registry.KeyUseCAS.
func NewCASSigner(ring *KeyRing, lifetime time.Duration) (*CASSigner, error) {
	if lifetime == 0 {
		lifetime = DefaultCASLifetime
	}
	if lifetime < time.Second || lifetime > MaxCASLifetime {
		return nil, fmt.Errorf("CAS tokens of %v: between 1s and %v is allowed", lifetime, MaxCASLifetime)
	}
	return &CASSigner{ring, lifetime}, nil
}

// Sign returns a token that says what grant says, for the storage backend. The
// grant's TokenID is ignored: every token gets an id of its own.
func (s *CASSigner) Sign(ctx context.Context, grant cas.Grant, backend uuid.UUID) (string, error) {
	if err := complete(grant); err != nil {
		return "", fmt.Errorf("sign CAS token: %w", err)
	}
	now := time.Now()
	claims := casClaims{
		Claims: jwt.Claims{
			Issuer: issuer, Audience: jwt.Audience{casAudience}, ID: uuid.NewString(), Subject: grant.Subject,
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(s.lifetime)),
		},
		OrgID: grant.Org, Role: grant.Role, Backend: backend, MaxBytes: grant.MaxBytes,
	}
	if !grant.Digest.IsZero() {
		claims.Digest = &grant.Digest
	}
	signer, err := s.ring.signer(ctx)
	if err != nil {
		return "", err
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign CAS token: %w", err)
	}
	return text, nil
}

// complete refuses grants that no token may carry.
func complete(g cas.Grant) error {
	switch {
	case g.Org.IsZero():
		return errors.New("it names no organization")
	case g.MaxBytes < 0:
		return errors.New("its limit is negative")
	case !cas.ValidSubject(g.Subject):
		return errors.New("its subject is too long or not printable")
	case g.Role == cas.Uploader:
		return nil
	case g.Role != cas.Downloader:
		return fmt.Errorf("unknown role %q", g.Role)
	case g.Digest.IsZero():
		return errors.New("a downloader must be bound to a digest")
	}
	return nil
}

// CASVerifier turns CAS tokens into grants.
type CASVerifier struct {
	keys Keys
	seen *checked[casClaims]
}

// NewCASVerifier returns a verifier with the keys: a KeyRing in the process that
// signs, a RemoteKeys or StaticKeys elsewhere.
func NewCASVerifier(keys Keys) *CASVerifier {
	return &CASVerifier{keys, newChecked[casClaims](keptCASTokens)}
}

// Grant returns what a token allows. The error is a problem: Unauthenticated, or
// Unavailable when the keys could not be asked for.
func (v *CASVerifier) Grant(ctx context.Context, token string) (cas.Grant, error) {
	claims, _, err := signedClaims(ctx, v.seen, v.keys, token)
	if err != nil {
		return cas.Grant{}, err
	}
	if err := validate(casAudience, &claims); err != nil {
		return cas.Grant{}, err
	}
	// Whoever holds the key could sign for longer; this side need not believe it.
	if claims.Expiry == nil || time.Until(claims.Expiry.Time()) > MaxCASLifetime+leeway {
		return cas.Grant{}, errInvalid(errors.New("the token lives too long"))
	}
	if claims.ID == "" {
		return cas.Grant{}, errInvalid(errors.New("the token has no id"))
	}
	grant := cas.Grant{
		Org: claims.OrgID, Role: claims.Role,
		MaxBytes: claims.MaxBytes, TokenID: claims.ID, Subject: claims.Subject, Backend: claims.Backend,
	}
	if claims.Digest != nil {
		grant.Digest = *claims.Digest
	}
	if err := complete(grant); err != nil {
		return cas.Grant{}, errInvalid(err)
	}
	return grant, nil
}
