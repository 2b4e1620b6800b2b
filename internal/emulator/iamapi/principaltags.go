package iamapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/directory"
)

func (s *Service) tagPrincipal(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name, tags := k.name(c), c.Tags("Tags")
		if err := c.Err(); err != nil {
			return nil, err
		}
		return nil, s.change(ctx, c, k, name, requestTags(tags), func(_ directory.Tx, p *directory.Principal) (err error) {
			p.Tags, err = s.applyTags(p.Tags, tags, true)
			return err
		})
	}
}

func (s *Service) untagPrincipal(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name, keys := k.name(c), c.tagKeys()
		if err := c.Err(); err != nil {
			return nil, err
		}
		return nil, s.change(ctx, c, k, name, tagKeysOnly(keys), func(_ directory.Tx, p *directory.Principal) error {
			p.Tags = removeTags(p.Tags, keys, true)
			return nil
		})
	}
}

func (s *Service) listPrincipalTags(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name := k.name(c)
		if err := c.Err(); err != nil {
			return nil, err
		}
		p, err := s.authorizePrincipal(ctx, c, k, name)
		if err != nil {
			return nil, err
		}
		return listTags(c, p.Tags)
	}
}
