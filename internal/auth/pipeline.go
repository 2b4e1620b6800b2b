package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// pipelineAudience is that of no other token of ours: existing clients do not know these,
// and need not.
const pipelineAudience = "pipeline-auth.managedcas"

// The lifetimes of a pipeline's token.
const (
	MinPipelineLifetime     = time.Minute
	DefaultPipelineLifetime = 10 * time.Minute
	MaxPipelineLifetime     = 15 * time.Minute
)

// Trusts is what tokens of pipelines need of a database.
type Trusts interface {
	// Trust returns the trust with that id, or registry.ErrNotFound.
	Trust(ctx context.Context, id uuid.UUID) (registry.Trust, error)
}

// IssuePipeline makes a token for a pipeline that trust is in, and that its provider calls
// subject. It has no row: the trust's decides, at every call.
func (t *Tokens) IssuePipeline(ctx context.Context, trust registry.Trust, subject string) (text string, expires time.Time, err error) {
	if l := trust.Lifetime; l < MinPipelineLifetime || l > MaxPipelineLifetime {
		return "", time.Time{}, fmt.Errorf("trust %s: a lifetime of %s", trust.ID, l)
	}
	now := time.Now()
	expires = now.Add(trust.Lifetime)
	claims := apiClaims{
		Claims: jwt.Claims{
			Issuer: issuer, Audience: jwt.Audience{pipelineAudience}, ID: uuid.NewString(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(expires),
		},
		OrgID: trust.Org.String(), TrustID: trust.ID.String(), External: subject,
	}
	signer, err := t.ring.signer(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	if text, err = jwt.Signed(signer).Claims(claims).Serialize(); err != nil {
		return "", time.Time{}, fmt.Errorf("sign pipeline token: %w", err)
	}
	return text, expires, nil
}

// PipelineSubject is how a pipeline that trust is in is named for people and for audit, as
// Caller.Subject names it when it comes with its token. external is its provider's name.
func PipelineSubject(trust registry.Trust, external string) string {
	return Caller{kind: PipelineToken, tokenName: trust.Name, external: external, trust: trust.ID}.Subject()
}

// pipeline returns the caller behind a pipeline's token whose signature and time are good. It
// has no row that says that we made it: it is as good as the key, which must be one of now, and
// lives no longer than we let any live. Whoever stole a key makes none when that is replaced.
func (t *Tokens) pipeline(ctx context.Context, id uuid.UUID, by signedBy, claims apiClaims, name string) (Caller, error) {
	trustID, err := uuid.Parse(claims.TrustID)
	switch {
	case err != nil || claims.Expiry == nil || claims.IssuedAt == nil:
		return Caller{}, errInvalid(errors.New("the token names no trust, or has no beginning or end"))
	case claims.Expiry.Time().Sub(claims.IssuedAt.Time()) > MaxPipelineLifetime:
		return Caller{}, errInvalid(errors.New("it lives longer than any that is made"))
	case !t.ring.lately(ctx, by.id):
		return Caller{}, errInvalid(fmt.Errorf("key %s was replaced long ago, or revoked", by.id))
	}
	trust, err := t.store.Trust(ctx, trustID)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return Caller{}, errInvalid(err)
	case err != nil:
		return Caller{}, errUnchecked(err)
	case !trust.Enabled:
		return Caller{}, errInvalid(fmt.Errorf("trust %s is disabled", trustID))
	case trust.Org.String() != claims.OrgID:
		return Caller{}, errInvalid(fmt.Errorf("trust %s is another organization's", trustID))
	}
	o, err := t.organizations.OrganizationByID(ctx, trust.Org)
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return Caller{}, errInvalid(err)
	case err != nil:
		return Caller{}, errUnchecked(err)
	case o.State == org.Deleted:
		return Caller{}, errInvalid(fmt.Errorf("organization %s is deleted", o.ID))
	case name != "" && name != string(o.Name):
		return Caller{}, problem.New(problem.Denied,
			"the token belongs to another organization than the one named",
			"name the token's own organization, or none").WithReason(reasonNotInOrg)
	}
	return Caller{kind: PipelineToken, tokenID: id, tokenName: trust.Name, trust: trustID, external: claims.External, org: o, named: name != ""}, nil
}
