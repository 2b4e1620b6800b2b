package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// instanceScope marks an instance token for clients that look (facts WIRE §1.4). Who
// decides is the row.
const instanceScope = "INSTANCE_ADMIN"

// touchEvery is the precision of a token's last use: a write per call would make the
// database the bottleneck of reads.
const touchEvery = time.Minute

// Store is what API tokens need of a database.
type Store interface {
	// CreateToken stores a record; registry.ErrExists when a living token of the same
	// organization has its name.
	CreateToken(ctx context.Context, t registry.Token) error
	// ReplaceToken is CreateToken, and takes back the living token that has the name, both
	// or neither.
	ReplaceToken(ctx context.Context, t registry.Token) error
	// Token returns the record with that id, revoked or not, or registry.ErrNotFound.
	Token(ctx context.Context, id uuid.UUID) (registry.Token, error)
	// TokenAndOrganization is Token, with the organization that the token belongs to.
	TokenAndOrganization(ctx context.Context, id uuid.UUID) (registry.Token, org.Organization, error)
	// Tokens returns the tokens of an organization; for the zero ID, instance tokens.
	Tokens(ctx context.Context, owner org.ID) ([]registry.Token, error)
	// RevokeToken takes a token back; registry.ErrNotFound when there is none.
	RevokeToken(ctx context.Context, id uuid.UUID, at time.Time) error
	// TouchToken records that a token was used.
	TouchToken(ctx context.Context, id uuid.UUID, at time.Time) error
	Logins
	Trusts
}

// Organizations finds the organizations that tokens belong to or callers name.
type Organizations interface {
	// OrganizationByID returns an organization, or registry.ErrNotFound.
	OrganizationByID(ctx context.Context, id org.ID) (org.Organization, error)
	// OrganizationByName returns a living organization, or registry.ErrNotFound.
	OrganizationByName(ctx context.Context, name org.Name) (org.Organization, error)
}

// Tokens issues and verifies API tokens and logins.
type Tokens struct {
	store         Store
	organizations Organizations
	ring          *KeyRing
	log           *slog.Logger
	seen          *checked[apiClaims]
}

// NewTokens returns the API tokens of an installation. The ring must be one of
// registry.KeyUseAPI.
func NewTokens(store Store, organizations Organizations, ring *KeyRing, log *slog.Logger) *Tokens {
	return &Tokens{store, organizations, ring, log, newChecked[apiClaims](keptAPITokens)}
}

type apiClaims struct {
	jwt.Claims

	OrgID     string `json:"org_id,omitempty"`
	OrgName   string `json:"org_name,omitempty"`
	TokenName string `json:"token_name,omitempty"`
	Scope     string `json:"scope,omitempty"`
	UserID    string `json:"user_id,omitempty"` // of a login

	TrustID  string `json:"trust_id,omitempty"`         // of a pipeline's token
	External string `json:"external_subject,omitempty"` // what its provider calls it
}

func (c *apiClaims) registeredClaims() jwt.Claims { return c.Claims }

// NewToken describes a token to be issued.
type NewToken struct {
	// Organization that the token belongs to; the zero value makes an instance token.
	Organization org.Organization
	Name         string
	// Lifetime of the token; 0: it does not expire.
	Lifetime time.Duration
	// Replace revokes a living token of the same name first. Without it, that token is
	// the reason for registry.ErrExists.
	Replace bool
}

// Issue makes a token. The text is returned this once: only its hash is kept.
func (t *Tokens) Issue(ctx context.Context, n NewToken) (text string, record registry.Token, err error) {
	if n.Lifetime < 0 {
		return "", registry.Token{}, fmt.Errorf("token %s: a lifetime of %s", n.Name, n.Lifetime)
	}
	now := time.Now()
	record = registry.Token{ID: uuid.New(), Org: n.Organization.ID, Name: n.Name, CreatedAt: now}
	claims := apiClaims{
		Claims:    jwt.Claims{Issuer: issuer, Audience: jwt.Audience{apiAudience}, ID: record.ID.String(), IssuedAt: jwt.NewNumericDate(now)},
		TokenName: n.Name,
	}
	if record.Instance() {
		claims.Scope = instanceScope
	} else {
		claims.OrgID, claims.OrgName = n.Organization.ID.String(), string(n.Organization.Name)
	}
	if n.Lifetime > 0 {
		record.ExpiresAt = now.Add(n.Lifetime)
		claims.Expiry = jwt.NewNumericDate(record.ExpiresAt)
	}
	signer, err := t.ring.signer(ctx)
	if err != nil {
		return "", registry.Token{}, err
	}
	if text, err = jwt.Signed(signer).Claims(claims).Serialize(); err != nil {
		return "", registry.Token{}, fmt.Errorf("sign token: %w", err)
	}
	record.Sum = sha256.Sum256([]byte(text))
	store := t.store.CreateToken
	if n.Replace {
		store = t.store.ReplaceToken
	}
	if err := store(ctx, record); err != nil {
		return "", registry.Token{}, fmt.Errorf("issue token: %w", err)
	}
	return text, record, nil
}

// List returns the tokens of an organization; for the zero ID, the instance tokens.
func (t *Tokens) List(ctx context.Context, owner org.ID) ([]registry.Token, error) {
	return t.store.Tokens(ctx, owner)
}

// Revoke takes a token of the owner back. A token of somebody else is
// registry.ErrNotFound, like one that does not exist.
func (t *Tokens) Revoke(ctx context.Context, owner org.ID, id uuid.UUID) error {
	record, err := t.store.Token(ctx, id)
	if err == nil && record.Org != owner {
		err = registry.ErrNotFound
	}
	if err == nil {
		err = t.store.RevokeToken(ctx, id, time.Now())
	}
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	return nil
}

// Seen reports whether a token was good when it came last, which was lately: one that is
// revoked since has yet to be found out, and one that was found out is not seen.
func (t *Tokens) Seen(text string) bool { return t.seen.knows(text) }

// Verify returns the caller behind a token of any kind. name is the organization that the
// call names, or empty.
func (t *Tokens) Verify(ctx context.Context, text, name string) (Caller, error) {
	caller, err := t.verify(ctx, text, name)
	if err != nil && problem.KindOf(err) == problem.Unauthenticated {
		t.seen.forget(text)
	}
	return caller, err
}

func (t *Tokens) verify(ctx context.Context, text, name string) (Caller, error) {
	claims, by, err := signedClaims(ctx, t.seen, t.ring, text)
	if err != nil {
		return Caller{}, err
	}
	audience := apiAudience
	for _, other := range []string{userAudience, pipelineAudience} {
		if claims.Audience.Contains(other) {
			audience = other
		}
	}
	if err := validate(audience, &claims); err != nil {
		return Caller{}, err
	}
	id, err := uuid.Parse(claims.ID)
	if err != nil {
		return Caller{}, errInvalid(errors.New("the token has no id"))
	}
	switch audience {
	case userAudience:
		return t.user(ctx, id, text, name)
	case pipelineAudience:
		return t.pipeline(ctx, id, by, claims, name)
	}
	return t.machine(ctx, id, text, name)
}

// machine returns the caller behind an API token.
func (t *Tokens) machine(ctx context.Context, id uuid.UUID, text, name string) (Caller, error) {
	record, own, err := t.record(ctx, id, text)
	if err != nil {
		return Caller{}, err
	}
	caller := Caller{kind: OrganizationToken, tokenID: record.ID, tokenName: record.Name, named: name != ""}
	if record.Instance() {
		caller.kind = InstanceToken
	}
	if caller.org, err = t.organization(ctx, record, own, name); err != nil {
		return Caller{}, err
	}
	if now := time.Now(); now.Sub(record.LastUsedAt) >= touchEvery {
		if err := t.store.TouchToken(ctx, record.ID, now); err != nil {
			// The caller is who it is, recorded or not.
			t.log.WarnContext(ctx, "record use of token", "token", record.ID.String(), "error", err)
		}
	}
	return caller, nil
}

// record returns the row of an API token whose signature is good, if it still is, and the
// organization that it belongs to.
func (t *Tokens) record(ctx context.Context, id uuid.UUID, text string) (registry.Token, org.Organization, error) {
	record, own, err := t.store.TokenAndOrganization(ctx, id)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return registry.Token{}, org.Organization{}, errInvalid(err)
	case err != nil:
		return registry.Token{}, org.Organization{}, errUnchecked(err)
	case !record.Matches(text):
		return registry.Token{}, org.Organization{}, errInvalid(refused(record, "is not the one that was issued"))
	case record.Revoked():
		return registry.Token{}, org.Organization{}, errInvalid(refused(record, "is revoked"))
	case record.Expired(time.Now()):
		return registry.Token{}, org.Organization{}, errExpired(refused(record, "has expired"))
	}
	return record, own, nil
}
