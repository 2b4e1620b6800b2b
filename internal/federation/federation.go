// Package federation gives CI pipelines tokens of ours for those that their providers
// sign for them, where an organization trusts them to.
//
// Invariants:
//   - Only issuers that the operator allows are asked for keys, and nothing that a token
//     says decides what is asked.
//   - A token is for the audience of the trust alone. What it was made for elsewhere opens
//     nothing here.
//   - The answer to who is not let in does not tell whether the organization exists, or
//     whom it trusts.
//
// A provider's token may be exchanged as often as its time allows: GitLab gives a job one,
// which each of its commands exchanges. Whoever has it gets what its pipeline gets, and no
// more by exchanging it again.
package federation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/managedcas/managedcas/internal/idtoken"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// DefaultIssuers are the CI providers whose tokens are accepted if an operator says nothing.
var DefaultIssuers = []string{"https://token.actions.githubusercontent.com", "https://gitlab.com"}

// The limits of what is exchanged, and of what is trusted.
const (
	maxToken   = 12 << 10       // bytes; those of the large providers have 2 KiB
	maxSubject = 255            // characters (OpenID Connect Core §2)
	maxAge     = 24 * time.Hour // since a token was issued: jobs do not last longer
	leeway     = 10 * time.Second
	MaxTrusts  = 50 // of an organization
)

// Store is what federation needs of a database.
type Store interface {
	// OrganizationByName returns a living organization, or registry.ErrNotFound.
	OrganizationByName(ctx context.Context, name org.Name) (org.Organization, error)
	// Trusts returns up to limit trusts of an organization.
	Trusts(ctx context.Context, id org.ID, limit int) ([]registry.Trust, error)
}

// Tokens issues what pipelines get.
type Tokens interface {
	// IssuePipeline makes a token for a pipeline that trust is in.
	IssuePipeline(ctx context.Context, trust registry.Trust, subject string) (text string, expires time.Time, err error)
}

// Federation exchanges tokens.
type Federation struct {
	store   Store
	tokens  Tokens
	issuers map[string]*issuer
	log     *slog.Logger
}

// New returns a Federation for tokens of issuers. It asks them for nothing yet.
func New(store Store, tokens Tokens, issuers []string, log *slog.Logger) (*Federation, error) {
	f := &Federation{store: store, tokens: tokens, issuers: map[string]*issuer{}, log: log}
	for _, each := range issuers {
		if err := CheckIssuer(each); err != nil {
			return nil, fmt.Errorf("issuer %q: %w", each, err)
		}
		f.issuers[each] = newIssuer(each)
	}
	return f, nil
}

// Issuers are those whose tokens are accepted.
func (f *Federation) Issuers() []string {
	var all []string
	for each := range f.issuers {
		all = append(all, each)
	}
	slices.Sort(all)
	return all
}

// Exchange returns a token of ours for a pipeline's, if the organization trusts it.
func (f *Federation) Exchange(ctx context.Context, organization, token string) (string, time.Time, error) {
	job, err := f.identify(ctx, token)
	if err != nil {
		return "", time.Time{}, err
	}
	trust, err := f.trust(ctx, organization, job)
	if err != nil {
		return "", time.Time{}, err
	}
	text, expires, err := f.tokens.IssuePipeline(ctx, trust, job.Subject)
	if err != nil {
		return "", time.Time{}, err
	}
	f.log.InfoContext(ctx, "pipeline", "trust", trust.ID.String(), "org", trust.Org.String(), "issuer", job.Issuer, "subject", job.Subject)
	return text, expires, nil
}

// pipeline is a job, as its provider says who it is.
type pipeline struct {
	*oidc.IDToken

	claims map[string]any
}

// identify verifies a provider's token, but for whom it is meant.
func (f *Federation) identify(ctx context.Context, token string) (*pipeline, error) {
	if token == "" || len(token) > maxToken {
		return nil, errRefused(fmt.Errorf("a token of %d bytes", len(token)))
	}
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil {
		return nil, errRefused(errors.New("not a signed JWT, or with an algorithm that is not accepted"))
	}
	var unverified jwt.Claims // it chooses among the issuers that are allowed, and nothing else
	if err := parsed.UnsafeClaimsWithoutVerification(&unverified); err != nil {
		return nil, errRefused(errors.New("claims that cannot be read"))
	}
	from, ok := f.issuers[unverified.Issuer]
	if !ok {
		return nil, errRefused(fmt.Errorf("issuer %q is not among those allowed", unverified.Issuer))
	}
	// First, and not within the verifier: it would make one error of all.
	payload, err := from.VerifySignature(ctx, token)
	switch {
	case errors.Is(err, errUnreachable), err != nil && ctx.Err() != nil:
		return nil, problem.Wrap(err, problem.Unavailable, "the provider of the token could not be asked for its keys", "try again in a moment")
	case err != nil:
		return nil, errRefused(err)
	}
	claims, err := idtoken.Claims(payload)
	if err != nil {
		return nil, errRefused(err)
	}
	accepted := make([]string, len(algorithms))
	for i, a := range algorithms {
		accepted[i] = string(a)
	}
	// The trusts say for whom a token has to be: each its own.
	verified, err := oidc.NewVerifier(from.url, signed(payload), &oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: accepted}).Verify(ctx, token)
	switch {
	case errors.As(err, new(*oidc.TokenExpiredError)):
		return nil, problem.Wrap(err, problem.Unauthenticated, "the provider's token has expired", "ask the provider for another one")
	case err != nil:
		return nil, errRefused(err)
	}
	return &pipeline{verified, claims}, checkClaims(verified, unverified, time.Now())
}

// signed is the payload of a token whose signature is good.
type signed []byte

// VerifySignature implements oidc.KeySet.
func (s signed) VerifySignature(context.Context, string) ([]byte, error) { return s, nil }

// checkClaims checks what the verifier does not.
func checkClaims(t *oidc.IDToken, claims jwt.Claims, now time.Time) error {
	printable := !slices.ContainsFunc([]byte(t.Subject), func(b byte) bool { return b < ' ' || b > '~' })
	switch {
	case t.Subject == "" || len(t.Subject) > maxSubject || !printable:
		return errRefused(errors.New("a subject that is empty, too long, or no ASCII"))
	case t.IssuedAt.After(now.Add(leeway)) || now.Sub(t.IssuedAt) > maxAge:
		return errRefused(fmt.Errorf("issued at %s", t.IssuedAt))
	case claims.NotBefore != nil && claims.NotBefore.Time().After(now.Add(leeway)):
		return errRefused(fmt.Errorf("not good before %s", claims.NotBefore.Time()))
	}
	return nil
}

// trust finds the one by which the organization lets the pipeline in.
func (f *Federation) trust(ctx context.Context, organization string, job *pipeline) (registry.Trust, error) {
	name, err := org.ParseName(organization)
	if err != nil {
		return registry.Trust{}, errRefused(err)
	}
	o, err := f.store.OrganizationByName(ctx, name)
	if errors.Is(err, registry.ErrNotFound) {
		return registry.Trust{}, errRefused(err)
	}
	if err != nil {
		return registry.Trust{}, errUnchecked(err)
	}
	trusts, err := f.store.Trusts(ctx, o.ID, MaxTrusts)
	if err != nil {
		return registry.Trust{}, errUnchecked(err)
	}
	for _, t := range trusts {
		if t.Enabled && lets(t, job) {
			return t, nil
		}
	}
	return registry.Trust{}, errRefused(fmt.Errorf("no trust of %s lets %q in", o.ID, job.Subject))
}

// lets reports whether t lets the pipeline in.
func lets(t registry.Trust, job *pipeline) bool {
	if t.Issuer != job.Issuer || len(job.Audience) != 1 || job.Audience[0] != t.Audience {
		return false
	}
	for name, want := range t.Claims {
		if text(job.claims[name]) != want || want == "" {
			return false
		}
	}
	return slices.ContainsFunc(t.Subjects, func(p string) bool { return registry.Matches(p, job.Subject) })
}

// text is a claim as a trust writes it: providers have the same id now as a number, now as
// a string.
func text(claim any) string {
	switch v := claim.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	}
	return ""
}

func errRefused(cause error) error {
	return problem.Wrap(cause, problem.Denied, "the token is not one of a pipeline that the organization trusts",
		"compare its issuer, audience and subject with organization trust list")
}

func errUnchecked(cause error) error {
	return problem.Wrap(cause, problem.Unavailable, "the token could not be checked", "try again in a moment")
}
