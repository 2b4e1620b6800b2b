package stsapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/webidentity"
	"github.com/managedcas/managedcas/internal/iam"
)

const withWebIdentity = "sts:AssumeRoleWithWebIdentity"

type webIdentityResult struct {
	SubjectFromWebIdentityToken string
	Audience                    string
	AssumedRoleUser             assumedRoleUser
	Credentials                 credentials
	Provider                    string
	PackedPolicySize            *int `xml:",omitempty"`
}

// assumeRoleWithWebIdentity needs no signature: the token says who asks. It is verified
// before the role is looked at, and the role's trust policy then decides about the
// provider, by whatever it says of <issuer>:sub and <issuer>:aud (facts AWS §4.5, §8).
func (s *Service) assumeRoleWithWebIdentity(r *http.Request, req *api.Request) (any, error) {
	a, token, err := readWebAssumption(r.PostForm)
	if err != nil {
		return nil, err
	}
	req.Resource = a.roleARN
	caller, err := s.bearer(r.Context(), a, token)
	if err != nil {
		return nil, err
	}
	req.Caller = caller
	role, found, err := s.role(a.roleARN)
	if err != nil {
		return nil, err
	}
	if err := s.authorizeBearer(r.Context(), caller, a, role, found); err != nil {
		return nil, err
	}
	if err := checkDuration(caller, a.duration, role); err != nil {
		return nil, err
	}
	got, err := s.issue(role, a, inheritance{}, caller.WebIdentity)
	if err != nil {
		return nil, err
	}
	return webIdentityResult{
		SubjectFromWebIdentityToken: caller.WebIdentity.Subject,
		Audience:                    caller.WebIdentity.Audience,
		AssumedRoleUser:             got.user(),
		Credentials:                 got.xml(),
		Provider:                    caller.WebIdentity.ProviderARN,
		PackedPolicySize:            got.packedPercent(),
	}, nil
}

// readWebAssumption checks the parameters against AWS's model of the operation.
func readWebAssumption(form url.Values) (assumption, string, error) {
	p := awsquery.NewParams(form)
	if p.Has("ProviderId") {
		return assumption{}, "", api.NotImplemented("sts", "AssumeRoleWithWebIdentity with ProviderId")
	}
	a := readSession(p)
	if !p.Has("WebIdentityToken") {
		p.Violate("WebIdentityToken", "", "Member must not be null")
	} else if n := len(form.Get("WebIdentityToken")); n < 4 || n > maxToken {
		// The token itself is a secret and not repeated.
		p.Violate("WebIdentityToken", "***", "Member must have length from 4 to 20000")
	}
	if err := p.Err(); err != nil {
		return assumption{}, "", err
	}
	return a, form.Get("WebIdentityToken"), a.complete(nil)
}

// maxToken is the longest token that AWS's model allows, in characters.
const maxToken = 20_000

// bearer returns whom the token names, as a caller that has no account yet: the
// provider with what it says.
func (s *Service) bearer(ctx context.Context, a assumption, token string) (*api.Caller, error) {
	issuer, err := webidentity.Issuer(token)
	if err != nil {
		return nil, err
	}
	provider, err := s.provider(a, issuer)
	if err != nil {
		return nil, err
	}
	if s.cfg.Keys == nil {
		return nil, api.NotImplemented("sts", "AssumeRoleWithWebIdentity without a source of keys")
	}
	got, err := webidentity.Verify(ctx, s.cfg.Keys, webidentity.Provider{
		Issuer: provider.Issuer, ClientIDs: provider.ClientIDs, Thumbprints: provider.Thumbprints,
	}, token, time.Now())
	if err != nil {
		return nil, err
	}
	return &api.Caller{
		Kind:      api.Provider,
		AccountID: s.cfg.Directory.AccountID(),
		ARN:       provider.ARN,
		WebIdentity: &api.WebIdentity{
			ProviderARN: provider.ARN,
			Name:        directory.ProviderName(provider.Issuer),
			Subject:     got.Subject,
			Audience:    got.Audience,
			Methods:     got.Methods,
		},
	}, nil
}

// provider returns the registered provider of an issuer. The role's account is where it
// has to be registered.
func (s *Service) provider(a assumption, issuer string) (provider directory.Provider, err error) {
	err = s.cfg.Directory.Replica(func(tx directory.Tx) error {
		provider, err = directory.ProviderByIssuer(tx, issuer)
		return err
	})
	if errors.Is(err, directory.ErrNotFound) || err == nil && accountOf(a.roleARN) != s.cfg.Directory.AccountID() {
		return provider, api.Errorf(http.StatusBadRequest, "InvalidIdentityToken",
			"No OpenIDConnect provider found in your account for %s", strings.ToValidUTF8(issuer, "?"))
	}
	return provider, err
}

func (s *Service) authorizeBearer(ctx context.Context, caller *api.Caller, a assumption, role directory.Role, found bool) error {
	trust, err := s.trustPolicy(role, found)
	if err != nil {
		return err
	}
	keys := iam.Context{}
	keys.Set("sts:RoleSessionName", a.sessionName)
	addRoleTags(keys, role)
	err = s.cfg.Gate.Authorize(ctx, caller, gate.Check{
		Action:          withWebIdentity,
		Resource:        a.roleARN,
		Account:         accountOf(a.roleARN),
		Policy:          trust,
		RequireResource: true,
		Context:         keys,
	})
	if denied, ok := errors.AsType[*api.Error](err); ok && denied.Status == http.StatusForbidden {
		return api.Errorf(http.StatusForbidden, "AccessDenied", "Not authorized to perform %s", withWebIdentity)
	}
	return err
}
