// Package webidentity verifies the tokens of AssumeRoleWithWebIdentity: OpenID
// Connect ID tokens, such as Kubernetes gives to service accounts.
//
// A token is believed only when its issuer is registered as a provider of the
// account, when it is signed by a key that the issuer publishes now, and when it is
// meant for an audience that the provider lists
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html).
// Errors are *api.Error with the codes that AWS documents for the operation
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
package webidentity

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Provider is an issuer that the account trusts to name identities.
type Provider struct {
	Issuer      string   // the "iss" of its tokens
	ClientIDs   []string // audiences that are accepted
	Thumbprints []string // SHA-1 of certificates that vouch for the issuer's host, hexadecimal
}

// KeySource knows the keys that issuers sign with.
type KeySource interface {
	// Key returns the issuer's public key of that id. Errors that the client is to see
	// are *api.Error.
	Key(ctx context.Context, p Provider, keyID string) (*jose.JSONWebKey, error)
}

// Identity is what a verified token says about its bearer.
type Identity struct {
	Subject  string
	Audience string
	Methods  []string // how the bearer authenticated ("amr")
}

// maxSubject is the limit of the subject in the answer of the operation.
const maxSubject = 255

// skew is how far an issuer's clock may run ahead.
const skew = 5 * time.Minute

// claims are what is read of a token.
type claims struct {
	jwt.Claims
	Party   string   `json:"azp"`
	Methods []string `json:"amr"`
	// What AWS derives session tags and a source identity from.
	Tags           any `json:"https://aws.amazon.com/tags"`
	SourceIdentity any `json:"https://aws.amazon.com/source_identity"`
}

// Issuer returns who claims to have issued the token. Nothing is verified yet.
func Issuer(token string) (string, error) {
	_, c, err := parse(token)
	return c.Issuer, err
}

// Verify returns whom the token names, if the provider p has issued it and it is valid
// at now.
func Verify(ctx context.Context, keys KeySource, p Provider, token string, now time.Time) (Identity, error) {
	parsed, c, err := parse(token)
	if err != nil {
		return Identity{}, err
	}
	if c.Issuer != p.Issuer {
		return Identity{}, invalid("The token's issuer is not the provider's")
	}
	key, err := keys.Key(ctx, p, parsed.Headers[0].KeyID)
	if err != nil {
		return Identity{}, err
	}
	if !signs(key, parsed.Headers[0].Algorithm) {
		return Identity{}, invalid("The key that the token's header names is not published for its algorithm")
	}
	if err := parsed.Claims(key, &c); err != nil {
		return Identity{}, invalid("Couldn't verify the token's signature with the key that its header names")
	}
	if err := c.checkTimes(now); err != nil {
		return Identity{}, err
	}
	return c.identity(p)
}

// signs reports whether an issuer publishes a key for signatures of that algorithm (RFC
// 7517, sections 4.2 and 4.4). Whether AWS heeds it is not documented; this is stricter.
func signs(key *jose.JSONWebKey, algorithm string) bool {
	return (key.Use == "" || key.Use == "sig") && (key.Algorithm == "" || key.Algorithm == algorithm)
}

// algorithms are those that AWS accepts. Symmetric ones and "none" are not among them.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}
}

func parse(token string) (parsed *jwt.JSONWebToken, c claims, err error) {
	parsed, err = jwt.ParseSigned(token, algorithms())
	if err == nil {
		err = parsed.UnsafeClaimsWithoutVerification(&c)
	}
	switch {
	case err != nil:
		return nil, c, invalid("The ID Token provided is not a valid JWT, or not signed with RS256, RS384, RS512, ES256, ES384 or ES512")
	case parsed.Headers[0].KeyID == "":
		return nil, c, invalid("The ID Token's header names no key: kid is missing")
	case c.Issuer == "":
		return nil, c, missing("iss")
	}
	return parsed, c, nil
}

func (c *claims) checkTimes(now time.Time) error {
	switch {
	case c.Expiry == nil:
		return missing("exp")
	case c.IssuedAt == nil:
		return missing("iat")
	case !now.Before(c.Expiry.Time()):
		return api.Errorf(http.StatusBadRequest, "ExpiredTokenException",
			"Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), c.Expiry.Time().Unix())
	case c.IssuedAt.Time().After(now.Add(skew)):
		return invalid("The ID Token is issued in the future")
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(skew)):
		return invalid("The ID Token is not valid yet")
	}
	return nil
}

// identity checks the audience, which is the authorized party when the token has one
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html,
// key aud). A token for several audiences without a party could be replayed by any of
// them, and is refused.
func (c *claims) identity(p Provider) (Identity, error) {
	audience := c.Party
	if audience == "" && len(c.Audience) == 1 {
		audience = c.Audience[0]
	}
	switch {
	case audience == "" || !slices.Contains(p.ClientIDs, audience):
		return Identity{}, invalid("Incorrect token audience")
	case c.Subject == "" || len(c.Subject) > maxSubject:
		return Identity{}, invalid("The ID Token's subject is missing or longer than %d characters", maxSubject)
	case c.Tags != nil:
		return Identity{}, api.NotImplemented("sts", "AssumeRoleWithWebIdentity with session tags in the token")
	case c.SourceIdentity != nil:
		return Identity{}, api.NotImplemented("sts", "AssumeRoleWithWebIdentity with a source identity in the token")
	}
	return Identity{Subject: c.Subject, Audience: audience, Methods: c.Methods}, nil
}

func invalid(format string, args ...any) error {
	return api.Errorf(http.StatusBadRequest, "InvalidIdentityToken", format, args...)
}

func missing(claim string) error { return invalid("Missing a required claim: %s", claim) }
