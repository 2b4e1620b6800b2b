package controlplane

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Trusts is what the services need of a database for pipelines.
type Trusts interface {
	// CreateTrust stores a trust; registry.ErrExists when its name is taken,
	// registry.ErrTooMany when there are registry.MaxTrusts.
	CreateTrust(ctx context.Context, t registry.Trust) error
	// Trusts returns up to limit trusts of an organization, in the order of their names.
	Trusts(ctx context.Context, id org.ID, limit int) ([]registry.Trust, error)
	// SetTrustEnabled and DeleteTrust change a trust of an organization;
	// registry.ErrNotFound when it is none of its.
	SetTrustEnabled(ctx context.Context, id org.ID, trust uuid.UUID, enabled bool) error
	DeleteTrust(ctx context.Context, id org.ID, trust uuid.UUID) error
}

// Federation exchanges the tokens of pipelines.
type Federation interface {
	// Issuers are the providers whose tokens are accepted.
	Issuers() []string
	// Exchange returns a token of ours for a provider's.
	Exchange(ctx context.Context, organization, token string) (text string, expires time.Time, err error)
}

// The limits of trusts.
const (
	maxSubjects     = 20 // patterns of a trust
	maxTrustClaims  = 10
	maxTrustText    = 255 // bytes of an audience, a pattern, or a claim
	maxPatternStars = 4   // wildcards: with more, nobody sees what is let in
)

type trusts struct {
	managedcasv1.UnimplementedTrustServiceServer
	server *Server
}

// Create trusts pipelines.
func (t trusts) Create(ctx context.Context, req *managedcasv1.TrustServiceCreateRequest) (*managedcasv1.TrustServiceCreateResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	made, err := t.parse(req.GetTrust())
	if err != nil {
		return nil, err
	}
	if o.State == org.Deleting {
		return nil, problem.New(problem.Precondition, "the organization is being deleted", "name another one")
	}
	caller, _ := auth.CallerFrom(ctx)
	made.ID, made.Org, made.Enabled = uuid.New(), o.ID, true
	made.CreatedAt, made.CreatedBy = time.Now().UTC(), caller.Subject()
	if err := t.server.cfg.Store.CreateTrust(ctx, made); err != nil {
		return nil, unavailable(err)
	}
	return &managedcasv1.TrustServiceCreateResponse{Trust: trustItem(made)}, nil
}

// parse checks what a caller wants to trust.
func (t trusts) parse(item *managedcasv1.Trust) (registry.Trust, error) {
	if t.server.cfg.Federation == nil {
		return registry.Trust{}, errNoFederation()
	}
	made := registry.Trust{
		Name: item.GetName(), Issuer: item.GetIssuer(), Audience: item.GetAudience(), Subjects: item.GetSubjects(), Claims: item.GetClaims(),
		Lifetime: auth.DefaultPipelineLifetime, Reusable: item.GetReusable(),
	}
	if _, err := org.ParseName(made.Name); err != nil {
		return registry.Trust{}, problem.Wrap(err, problem.Invalid, "that is not a name of a trust", "use 1 to 63 lowercase letters, digits and inner hyphens")
	}
	if allowed := t.server.cfg.Federation.Issuers(); !slices.Contains(allowed, made.Issuer) {
		return registry.Trust{}, problem.New(problem.Invalid, "the installation does not accept that issuer", "use one of "+strings.Join(allowed, ", ")+", or ask its operator for more")
	}
	if !plainText(made.Audience) {
		return registry.Trust{}, problem.New(problem.Invalid, "that is not an audience", fmt.Sprintf("use what the pipeline asks its provider for, 1 to %d characters", maxTrustText))
	}
	if n := len(made.Subjects); n < 1 || n > maxSubjects {
		return registry.Trust{}, problem.New(problem.Invalid, fmt.Sprintf("a trust has 1 to %d subjects, and this one %d", maxSubjects, n), "name the pipelines that it is for")
	}
	for _, pattern := range made.Subjects {
		if err := checkSubject(pattern); err != nil {
			return registry.Trust{}, err
		}
	}
	if len(made.Claims) > maxTrustClaims {
		return registry.Trust{}, problem.New(problem.Invalid, fmt.Sprintf("a trust has at most %d claims", maxTrustClaims), "use those that tell pipelines apart")
	}
	for name, value := range made.Claims {
		if !plainText(name) || !plainText(value) {
			return registry.Trust{}, problem.New(problem.Invalid, "that is not a claim", fmt.Sprintf("use NAME=VALUE, each of 1 to %d characters", maxTrustText))
		}
	}
	if d := item.GetLifetime(); d != nil {
		made.Lifetime = d.AsDuration().Truncate(time.Second)
		if l := d.AsDuration(); d.CheckValid() != nil || l < auth.MinPipelineLifetime || l > auth.MaxPipelineLifetime {
			return registry.Trust{}, problem.New(problem.Invalid, "a pipeline's token lasts 1 to 15 minutes", "leave the time out for 10 minutes")
		}
	}
	return made, nil
}

func checkSubject(pattern string) error {
	const next = "write it like repo:acme/app:ref:refs/heads/main, with * or ** after the owner"
	if err := registry.CheckPattern(pattern); err != nil {
		return problem.Wrap(err, problem.Invalid, "that is not a subject to trust: a wildcard may only stand after the owner's slash", next)
	}
	if !plainText(pattern) || strings.Count(strings.ReplaceAll(pattern, "**", "*"), "*") > maxPatternStars {
		return problem.New(problem.Invalid, fmt.Sprintf("a subject has 1 to %d characters and at most %d wildcards", maxTrustText, maxPatternStars), next)
	}
	return nil
}

func plainText(s string) bool {
	return s != "" && len(s) <= maxTrustText && !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) })
}

// List shows whom the organization trusts.
func (t trusts) List(ctx context.Context, _ *managedcasv1.TrustServiceListRequest) (*managedcasv1.TrustServiceListResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	list, err := t.server.cfg.Store.Trusts(ctx, o.ID, registry.MaxTrusts)
	if err != nil {
		return nil, unavailable(err)
	}
	resp := &managedcasv1.TrustServiceListResponse{}
	for _, each := range list {
		resp.Trusts = append(resp.Trusts, trustItem(each))
	}
	return resp, nil
}

// SetEnabled turns a trust on or off.
func (t trusts) SetEnabled(ctx context.Context, req *managedcasv1.TrustServiceSetEnabledRequest) (*managedcasv1.TrustServiceSetEnabledResponse, error) {
	o, id, err := trustOf(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	if err := t.server.cfg.Store.SetTrustEnabled(ctx, o.ID, id, req.GetEnabled()); err != nil {
		return nil, unavailable(err)
	}
	return &managedcasv1.TrustServiceSetEnabledResponse{}, nil
}

// Delete ends a trust.
func (t trusts) Delete(ctx context.Context, req *managedcasv1.TrustServiceDeleteRequest) (*managedcasv1.TrustServiceDeleteResponse, error) {
	o, id, err := trustOf(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	if err := t.server.cfg.Store.DeleteTrust(ctx, o.ID, id); err != nil {
		return nil, unavailable(err)
	}
	return &managedcasv1.TrustServiceDeleteResponse{}, nil
}

func trustOf(ctx context.Context, text string) (org.Organization, uuid.UUID, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return org.Organization{}, uuid.Nil, err
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return org.Organization{}, uuid.Nil, problem.Wrap(err, problem.Invalid, "that is not the id of a trust", "use one that organization trust list shows")
	}
	return o, id, nil
}

func trustItem(t registry.Trust) *managedcasv1.Trust {
	return &managedcasv1.Trust{
		Id: t.ID.String(), Name: t.Name, Issuer: t.Issuer, Audience: t.Audience, Subjects: t.Subjects, Claims: t.Claims,
		Lifetime: durationpb.New(t.Lifetime), Reusable: t.Reusable, Enabled: t.Enabled, CreatedAt: timestamp(t.CreatedAt), CreatedBy: t.CreatedBy,
	}
}

func errNoFederation() error {
	return problem.New(problem.Unimplemented, "this installation exchanges no tokens of pipelines", "its operator allows issuers with controlplane.federation.issuers")
}

type federating struct {
	managedcasv1.UnimplementedFederationServiceServer
	server *Server
}

// Exchange gives a pipeline a token of ours for its provider's.
func (f federating) Exchange(ctx context.Context, req *managedcasv1.FederationServiceExchangeRequest) (*managedcasv1.FederationServiceExchangeResponse, error) {
	if f.server.cfg.Federation == nil {
		return nil, errNoFederation()
	}
	text, expires, err := f.server.cfg.Federation.Exchange(ctx, req.GetOrganization(), req.GetToken())
	if err != nil {
		return nil, err
	}
	return &managedcasv1.FederationServiceExchangeResponse{Token: text, ExpiresAt: timestamp(expires)}, nil
}
