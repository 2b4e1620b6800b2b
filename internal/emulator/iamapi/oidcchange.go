package iamapi

import (
	"context"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/iam"
)

// addClientID has no effect for an id that is there, as AWS documents.
func (s *Service) addClientID(ctx context.Context, c *call) (any, error) {
	id := c.Text("ClientID", clientID)
	return nil, s.changeProvider(ctx, c, func(p *directory.Provider) error {
		if slices.Contains(p.ClientIDs, id) {
			return nil
		}
		if len(p.ClientIDs) >= maxClientIDs {
			return limitExceeded("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d", maxClientIDs)
		}
		p.ClientIDs = append(p.ClientIDs, id)
		return nil
	})
}

func (s *Service) removeClientID(ctx context.Context, c *call) (any, error) {
	id := c.Text("ClientID", clientID)
	return nil, s.changeProvider(ctx, c, func(p *directory.Provider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(old string) bool { return old == id })
		return nil
	})
}

func (s *Service) updateThumbprints(ctx context.Context, c *call) (any, error) {
	prints := c.thumbprints()
	return nil, s.changeProvider(ctx, c, func(p *directory.Provider) error {
		p.Thumbprints = prints
		return nil
	})
}

func (s *Service) tagProvider(ctx context.Context, c *call) (any, error) {
	tags := c.Tags("Tags")
	return nil, s.changeProvider(ctx, c, func(p *directory.Provider) (err error) {
		p.Tags, err = s.applyTags(p.Tags, tags, false)
		return err
	}, requestTags(tags))
}

func (s *Service) untagProvider(ctx context.Context, c *call) (any, error) {
	keys := c.tagKeys()
	return nil, s.changeProvider(ctx, c, func(p *directory.Provider) error {
		p.Tags = removeTags(p.Tags, keys, false)
		return nil
	}, tagKeysOnly(keys))
}

func (s *Service) listProviderTags(ctx context.Context, c *call) (any, error) {
	p, err := s.authorizeProvider(ctx, c)
	if err != nil {
		return nil, err
	}
	return listTags(c, p.Tags)
}

func (s *Service) changeProvider(ctx context.Context, c *call, change func(*directory.Provider) error, keys ...iam.Context) error {
	p, lookup, err := s.lookUpProvider(ctx, c, keys...)
	if err != nil {
		return err
	}
	if lookup != nil {
		return lookup
	}
	return s.dir.Update(func(tx directory.Tx) error {
		current, err := directory.ProviderByARN(tx, p.ARN)
		if err != nil {
			return found(err, noSuchEntity("OpenIDConnect Provider not found for arn %s", p.ARN))
		}
		if err := change(&current); err != nil {
			return err
		}
		return directory.Providers.Put(tx, directory.ProviderName(current.Issuer), current)
	})
}

var clientID = awsquery.Limits{Required: true, Min: 1, Max: 255}

func (c *call) thumbprints() []string {
	return c.Texts("ThumbprintList", maxThumbprints, awsquery.Limits{
		Required: true, Min: 40, Max: 40, Match: hexadecimal, Pattern: "[0-9A-Fa-f]*",
	})
}

func hexadecimal(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }
