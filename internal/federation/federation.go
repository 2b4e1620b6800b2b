// Package federation gives CI pipelines tokens of ours for those that their providers
// sign for them, where an organization trusts them to.
//
// Invariants:
//   - Only issuers that the operator allows are asked for keys, and nothing that a token
//     says decides what is asked.
//   - A token is for the audience of the trust alone. What it was made for elsewhere opens
//     nothing here.
//   - The answer to who is not let in does not tell whether the organization exists, or
//     whom it trusts, and takes as many lookups in each case.
//   - A token is exchanged once, however many come with it at the same time: what is stolen
//     out of a job is of no use when the job has used it. A trust may say otherwise.
//   - What a pipeline is given is in the audit log before it is given.
package federation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auth"
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
	MaxTrusts  = registry.MaxTrusts
)

// Store is what federation needs of a database.
type Store interface {
	// OrganizationByName returns a living organization, or registry.ErrNotFound.
	OrganizationByName(ctx context.Context, name org.Name) (org.Organization, error)
	// Trusts returns up to limit trusts of an organization.
	Trusts(ctx context.Context, id org.ID, limit int) ([]registry.Trust, error)
	// RecordExchange records that a pipeline gets a token, or fails with registry.ErrExists
	// when its provider's was exchanged before and its trust does not allow that.
	RecordExchange(ctx context.Context, e registry.Exchange, now time.Time) error
}

// Tokens issues what pipelines get.
type Tokens interface {
	// IssuePipeline makes a token for a pipeline that trust is in.
	IssuePipeline(ctx context.Context, trust registry.Trust, subject string) (text string, expires time.Time, err error)
}

// Audit is where refusals are recorded.
type Audit interface {
	// Denied records that something was refused. It never fails.
	Denied(e audit.Event)
}

// Config is what New needs.
type Config struct {
	Store   Store
	Tokens  Tokens
	Issuers []string // whose tokens are accepted: URLs, as CheckIssuer has them
	Audit   Audit
	Log     *slog.Logger
}

// Federation exchanges tokens.
type Federation struct {
	cfg     Config
	issuers map[string]*issuer
}

// New returns a Federation. It asks the issuers for nothing yet.
func New(cfg Config) (*Federation, error) {
	f := &Federation{cfg: cfg, issuers: map[string]*issuer{}}
	for _, each := range cfg.Issuers {
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

// reasonExchanged is the reason of a token that comes for the second time.
const reasonExchanged = "TOKEN_ALREADY_EXCHANGED"

// Exchange returns a token of ours for a pipeline's, if the organization trusts it.
func (f *Federation) Exchange(ctx context.Context, organization, token string) (string, time.Time, error) {
	p, err := f.identify(ctx, token)
	if err != nil {
		return "", time.Time{}, err
	}
	trust, err := f.trust(ctx, organization, p)
	if err != nil {
		return "", time.Time{}, err
	}
	// Signed first and handed out last: a token is not used up for nothing.
	text, expires, err := f.cfg.Tokens.IssuePipeline(ctx, trust, p.Subject)
	if err != nil {
		return "", time.Time{}, err
	}
	if err := f.record(ctx, trust, p); err != nil {
		return "", time.Time{}, err
	}
	f.cfg.Log.InfoContext(ctx, "pipeline", "trust", trust.ID.String(), "org", trust.Org.String(), "issuer", p.Issuer, "subject", p.Subject)
	return text, expires, nil
}

// record writes down that a pipeline gets a token; once, unless trust says otherwise. Who
// comes again is somebody for the organization to look at: the job, or who has robbed it.
func (f *Federation) record(ctx context.Context, trust registry.Trust, p pipeline) error {
	origin := audit.OriginFrom(ctx)
	origin.Kind, origin.Subject = audit.Pipeline, auth.PipelineSubject(trust, p.Subject)
	now := time.Now()
	exchange := registry.Exchange{Trust: trust, Subject: p.Subject, Sum: p.sum, ExpiresAt: p.end()}
	err := f.cfg.Store.RecordExchange(audit.WithOrigin(ctx, origin), exchange, now)
	switch {
	case errors.Is(err, registry.ErrExists):
		f.cfg.Audit.Denied(audit.Event{
			Chain: audit.Of(trust.Org), Time: now, Action: audit.TrustUse, Object: "trust/" + trust.ID.String(),
			Outcome: audit.Denied, Reason: reasonExchanged, Origin: origin, Details: exchange.Details(),
		})
		return problem.Wrap(err, problem.Denied, "the provider's token has been exchanged already",
			"ask the provider for another one, or keep what auth federate prints in CHAINLOOP_TOKEN; a trust made with --reusable lets it come again").WithReason(reasonExchanged)
	case err != nil:
		return errUnchecked(err)
	}
	return nil
}

// identify verifies a provider's token, but for whom it is meant.
func (f *Federation) identify(ctx context.Context, token string) (pipeline, error) {
	if token == "" || len(token) > maxToken {
		return pipeline{}, errRefused(fmt.Errorf("a token of %d bytes", len(token)))
	}
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil {
		return pipeline{}, errRefused(errors.New("not a signed JWT, or with an algorithm that is not accepted"))
	}
	var unverified jwt.Claims // it chooses among the issuers that are allowed, and nothing else
	if err := parsed.UnsafeClaimsWithoutVerification(&unverified); err != nil {
		return pipeline{}, errRefused(errors.New("claims that cannot be read"))
	}
	from, ok := f.issuers[unverified.Issuer]
	if !ok {
		return pipeline{}, errRefused(fmt.Errorf("issuer %q is not among those allowed", unverified.Issuer))
	}
	// First, and not within the verifier: it would make one error of all.
	payload, err := from.VerifySignature(ctx, token)
	switch {
	case errors.Is(err, errUnreachable), err != nil && ctx.Err() != nil:
		return pipeline{}, problem.Wrap(err, problem.Unavailable, "the provider of the token could not be asked for its keys", "try again in a moment")
	case err != nil:
		return pipeline{}, errRefused(err)
	}
	accepted := make([]string, len(algorithms))
	for i, a := range algorithms {
		accepted[i] = string(a)
	}
	// The trusts say for whom a token has to be: each its own.
	verified, err := oidc.NewVerifier(from.url, signed(payload), &oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: accepted}).Verify(ctx, token)
	switch {
	case errors.As(err, new(*oidc.TokenExpiredError)):
		return pipeline{}, problem.Wrap(err, problem.Unauthenticated, "the provider's token has expired", "ask the provider for another one")
	case err != nil:
		return pipeline{}, errRefused(err)
	}
	if err := checkClaims(verified, unverified, time.Now()); err != nil {
		return pipeline{}, err
	}
	return newPipeline(verified)
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

// trust finds the one by which the organization lets the pipeline in. Of an organization
// that there is not, it looks for the trusts of nobody, as long as it would for others.
func (f *Federation) trust(ctx context.Context, organization string, p pipeline) (registry.Trust, error) {
	name, err := org.ParseName(organization)
	if err != nil {
		return registry.Trust{}, errRefused(err)
	}
	o, missing := f.cfg.Store.OrganizationByName(ctx, name)
	if missing != nil && !errors.Is(missing, registry.ErrNotFound) {
		return registry.Trust{}, errUnchecked(missing)
	}
	trusts, err := f.cfg.Store.Trusts(ctx, o.ID, MaxTrusts)
	if err != nil {
		return registry.Trust{}, errUnchecked(err)
	}
	if missing != nil {
		return registry.Trust{}, errRefused(missing)
	}
	for _, t := range trusts {
		if t.Enabled && p.in(t) {
			return t, nil
		}
	}
	return registry.Trust{}, errRefused(fmt.Errorf("no trust of %s lets %q in", o.ID, p.Subject))
}

func errRefused(cause error) error {
	return problem.Wrap(cause, problem.Denied, "the token is not one of a pipeline that the organization trusts",
		"compare its issuer, audience and subject with organization trust list")
}

func errUnchecked(cause error) error {
	return problem.Wrap(cause, problem.Unavailable, "the token could not be checked", "try again in a moment")
}
