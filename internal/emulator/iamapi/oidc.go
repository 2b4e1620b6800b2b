package iamapi

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/iam"
)

// The account's quotas of OpenID Connect providers
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const (
	maxProviders   = 100
	maxClientIDs   = 100
	maxThumbprints = 5
)

type createProviderResult struct {
	OpenIDConnectProviderArn string
	Tags                     *awsquery.List[awsquery.Tag]
}

func (s *Service) createProvider(ctx context.Context, c *call) (any, error) {
	p := directory.Provider{
		Issuer:      c.Text("Url", awsquery.Limits{Required: true, Min: 1, Max: 255}),
		ClientIDs:   c.Texts("ClientIDList", maxClientIDs, clientID),
		Thumbprints: c.thumbprints(),
	}
	tags := c.Tags("Tags")
	if err := c.Err(); err != nil {
		return nil, err
	}
	if err := checkIssuer(p.Issuer); err != nil {
		return nil, err
	}
	name := directory.ProviderName(p.Issuer)
	p.ARN = s.dir.ARN("oidc-provider", "/", name)
	if err := s.authorizeActions(ctx, c, p.ARN, createActions("CreateOpenIDConnectProvider", "TagOpenIDConnectProvider", tags), requestTags(tags)); err != nil {
		return nil, err
	}
	var err error
	if p.Tags, err = s.applyTags(nil, tags, false); err != nil {
		return nil, err
	}
	err = s.dir.Update(func(tx directory.Tx) error {
		_, lookup := directory.Providers.Get(tx, name)
		if err := taken(lookup, alreadyExists("Provider with url %s already exists.", p.Issuer)); err != nil {
			return err
		}
		n, err := directory.Providers.Count(tx)
		if err != nil {
			return err
		}
		if n >= maxProviders {
			return limitExceeded("Cannot exceed quota for OpenIdConnectProvidersPerAccount: %d", maxProviders)
		}
		p.Created = tx.Now().UTC().Truncate(time.Second)
		return directory.Providers.Put(tx, name, p)
	})
	return createProviderResult{p.ARN, describeTags(p.Tags)}, err
}

type providerResult struct {
	Url            string
	ClientIDList   awsquery.List[string]
	ThumbprintList awsquery.List[string]
	CreateDate     awsquery.Time
	Tags           *awsquery.List[awsquery.Tag]
}

// getProvider answers with the URL as IAM shows it, without its scheme.
func (s *Service) getProvider(ctx context.Context, c *call) (any, error) {
	p, err := s.authorizeProvider(ctx, c)
	if err != nil {
		return nil, err
	}
	return providerResult{
		Url:            directory.ProviderName(p.Issuer),
		ClientIDList:   awsquery.Of(p.ClientIDs),
		ThumbprintList: awsquery.Of(p.Thumbprints),
		CreateDate:     awsquery.Time(p.Created),
		Tags:           describeTags(p.Tags),
	}, nil
}

type providerEntry struct{ Arn string }

type listProvidersResult struct {
	OpenIDConnectProviderList awsquery.List[providerEntry]
}

// listProviders has no pages: neither has AWS's, whose quota is small.
func (s *Service) listProviders(ctx context.Context, c *call) (any, error) {
	if err := s.authorize(ctx, c, anything); err != nil {
		return nil, err
	}
	var entries []providerEntry
	err := s.dir.View(func(tx directory.Tx) error {
		return directory.Providers.Scan(tx, "", func(_ string, p directory.Provider) (bool, error) {
			entries = append(entries, providerEntry{p.ARN})
			return true, nil
		})
	})
	return listProvidersResult{awsquery.Of(entries)}, err
}

// deleteProvider is idempotent: deleting what is not there succeeds
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteOpenIDConnectProvider.html).
func (s *Service) deleteProvider(ctx context.Context, c *call) (any, error) {
	p, lookup, err := s.lookUpProvider(ctx, c)
	if err != nil || lookup != nil {
		return nil, err
	}
	return nil, s.dir.Update(func(tx directory.Tx) error {
		return directory.Providers.Delete(tx, directory.ProviderName(p.Issuer))
	})
}

// lookUpProvider reads OpenIDConnectProviderArn and authorizes the operation on it.
// lookup says whether the provider exists, to those who may know.
func (s *Service) lookUpProvider(ctx context.Context, c *call, keys ...iam.Context) (p directory.Provider, lookup, err error) {
	arn := c.arn("OpenIDConnectProviderArn")
	if err := c.Err(); err != nil {
		return p, nil, err
	}
	lookup = s.dir.View(func(tx directory.Tx) (err error) {
		p, err = directory.ProviderByARN(tx, arn)
		return err
	})
	if err := found(lookup, nil); err != nil {
		return p, nil, err
	}
	err = s.authorize(ctx, c, arn, append(keys, resourceTags(p.Tags))...)
	return p, found(lookup, noSuchEntity("OpenIDConnect Provider not found for arn %s", arn)), err
}

func (s *Service) authorizeProvider(ctx context.Context, c *call) (directory.Provider, error) {
	p, lookup, err := s.lookUpProvider(ctx, c)
	if err != nil {
		return p, err
	}
	return p, lookup
}
