package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// The lifetimes of logins. Who has left the organization that runs the identity provider
// is signed in until theirs is over, or revoked.
const (
	DefaultLoginLifetime = 12 * time.Hour
	MaxLoginLifetime     = 7 * 24 * time.Hour
)

// Logins is what logins need of a database.
type Logins interface {
	// CreateLogin stores a record.
	CreateLogin(ctx context.Context, l registry.Login) error
	// Login returns the record with that id, revoked or not, and its user; or
	// registry.ErrNotFound.
	Login(ctx context.Context, id uuid.UUID) (registry.Login, registry.User, error)
	// TouchLogin records that a login was used.
	TouchLogin(ctx context.Context, id uuid.UUID, at time.Time) error
	// Membership returns a user's membership in an organization, or registry.ErrNotFound.
	Membership(ctx context.Context, id org.ID, user uuid.UUID) (registry.Membership, error)
}

// LogIn makes a token for somebody whom an identity provider has identified. lifetime is 0
// for the default, at most MaxLoginLifetime. The text is returned this once.
func (t *Tokens) LogIn(ctx context.Context, u registry.User, client string, lifetime time.Duration) (text string, record registry.Login, err error) {
	if lifetime == 0 {
		lifetime = DefaultLoginLifetime
	}
	if lifetime < 0 || lifetime > MaxLoginLifetime {
		return "", registry.Login{}, fmt.Errorf("a login of %s: at most %s", lifetime, MaxLoginLifetime)
	}
	now := time.Now()
	record = registry.Login{ID: uuid.New(), User: u.ID, Client: client, CreatedAt: now, ExpiresAt: now.Add(lifetime)}
	claims := apiClaims{
		Claims: jwt.Claims{
			Issuer: issuer, Audience: jwt.Audience{userAudience}, ID: record.ID.String(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(record.ExpiresAt),
		},
		UserID: u.ID.String(),
	}
	signer, err := t.ring.signer(ctx)
	if err != nil {
		return "", registry.Login{}, err
	}
	if text, err = jwt.Signed(signer).Claims(claims).Serialize(); err != nil {
		return "", registry.Login{}, fmt.Errorf("sign login: %w", err)
	}
	record.Sum = sha256.Sum256([]byte(text))
	if err := t.store.CreateLogin(ctx, record); err != nil {
		return "", registry.Login{}, fmt.Errorf("log in: %w", err)
	}
	return text, record, nil
}

// user returns the caller behind a login whose signature is good.
func (t *Tokens) user(ctx context.Context, id uuid.UUID, text, name string) (Caller, error) {
	record, u, err := t.store.Login(ctx, id)
	switch now := time.Now(); {
	case errors.Is(err, registry.ErrNotFound):
		return Caller{}, errInvalid(err)
	case err != nil:
		return Caller{}, errUnchecked(err)
	case !record.Matches(text):
		return Caller{}, errInvalid(fmt.Errorf("login %s is not the one that was issued", id))
	case !record.RevokedAt.IsZero():
		return Caller{}, errInvalid(fmt.Errorf("login %s is revoked", id))
	case !now.Before(record.ExpiresAt):
		return Caller{}, errExpired(fmt.Errorf("login %s has expired", id))
	case now.Sub(record.LastUsedAt) >= touchEvery:
		if err := t.store.TouchLogin(ctx, id, now); err != nil {
			t.log.WarnContext(ctx, "record use of login", "login", id.String(), "error", err)
		}
	}
	caller := Caller{kind: UserLogin, tokenID: id, tokenName: record.Client, user: u, named: name != ""}
	if name != "" {
		return t.actingIn(ctx, caller, name)
	}
	return t.actingInCurrent(ctx, caller)
}

// actingIn has a user act in the organization that the call names. Who is no member gets
// the same answer whether or not it exists, after as many lookups: one more is a fifth of
// what a call takes, and can be measured from outside.
func (t *Tokens) actingIn(ctx context.Context, caller Caller, name string) (Caller, error) {
	o, missing := t.named(ctx, name)
	if problem.KindOf(missing) == problem.Unavailable {
		return Caller{}, missing
	}
	caller.org = o // the zero one has no members
	caller, err := t.withRole(ctx, caller)
	switch {
	case err != nil:
		return Caller{}, err
	case missing != nil || caller.role == "" && !caller.Instance():
		return Caller{}, errNoMember(missing)
	}
	return caller, nil
}

// actingInCurrent has a user act in their current organization, while they are a member of
// it and it lives, and else in none.
func (t *Tokens) actingInCurrent(ctx context.Context, caller Caller) (Caller, error) {
	if caller.user.Current.IsZero() {
		return caller, nil
	}
	o, err := t.organizations.OrganizationByID(ctx, caller.user.Current)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return caller, nil
	case err != nil:
		return Caller{}, errUnchecked(err)
	}
	acting := caller
	acting.org = o
	if acting, err = t.withRole(ctx, acting); err != nil {
		return Caller{}, err
	}
	if acting.role == "" || o.State == org.Deleted {
		return caller, nil
	}
	return acting, nil
}

// withRole adds a user's role in the organization that they act in.
func (t *Tokens) withRole(ctx context.Context, caller Caller) (Caller, error) {
	m, err := t.store.Membership(ctx, caller.org.ID, caller.user.ID)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return Caller{}, errUnchecked(err)
	}
	caller.role = m.Role
	return caller, nil
}

// errNoMember is for users who name an organization that is not theirs. The stock client
// forgets it then (facts WIRE §7.1).
func errNoMember(cause error) error {
	return problem.Wrap(cause, problem.Denied, "you are not a member of the organization named",
		"see your organizations with organization list").WithReason(reasonNotInOrg)
}
