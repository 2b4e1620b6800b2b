package iamapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/directory"
)

func (s *Service) tagPolicy(ctx context.Context, c *call) (any, error) {
	tags := c.Tags("Tags")
	return nil, s.changePolicy(ctx, c, requestTags(tags), func(tx directory.Tx, p directory.Policy) (err error) {
		if p.Tags, err = s.applyTags(p.Tags, tags, false); err != nil {
			return err
		}
		return directory.Policies.Put(tx, p.Name, p)
	})
}

func (s *Service) untagPolicy(ctx context.Context, c *call) (any, error) {
	keys := c.tagKeys()
	return nil, s.changePolicy(ctx, c, tagKeysOnly(keys), func(tx directory.Tx, p directory.Policy) error {
		p.Tags = removeTags(p.Tags, keys, false)
		return directory.Policies.Put(tx, p.Name, p)
	})
}

func (s *Service) listPolicyTags(ctx context.Context, c *call) (any, error) {
	p, err := s.authorizePolicy(ctx, c)
	if err != nil {
		return nil, err
	}
	return listTags(c, p.Tags)
}
