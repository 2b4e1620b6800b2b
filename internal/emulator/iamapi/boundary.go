package iamapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/directory"
)

func (s *Service) putBoundary(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name, arn := k.name(c), c.arn("PermissionsBoundary")
		if err := c.Err(); err != nil {
			return nil, err
		}
		return nil, s.change(ctx, c, k, name, about("iam:PermissionsBoundary", arn), func(tx directory.Tx, p *directory.Principal) error {
			if err := dropBoundary(tx, k, *p); err != nil {
				return err
			}
			p.Boundary = arn
			return useBoundary(tx, k, *p)
		})
	}
}

func (s *Service) deleteBoundary(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name := k.name(c)
		if err := c.Err(); err != nil {
			return nil, err
		}
		return nil, s.change(ctx, c, k, name, nil, func(tx directory.Tx, p *directory.Principal) error {
			if p.Boundary == "" {
				return noSuchEntity("The %s with name %s has no permissions boundary.", k.kind, name)
			}
			if err := dropBoundary(tx, k, *p); err != nil {
				return err
			}
			p.Boundary = ""
			return nil
		})
	}
}

// useBoundary records the use of a principal's boundary, which must exist.
func useBoundary(tx directory.Tx, k principalKind, p directory.Principal) error {
	if p.Boundary == "" {
		return nil
	}
	if _, err := directory.PolicyByARN(tx, p.Boundary); err != nil {
		return found(err, notAttachable(p.Boundary))
	}
	return directory.SetUse(tx, p.Boundary, directory.Boundary, k.entity(p), true)
}

func dropBoundary(tx directory.Tx, k principalKind, p directory.Principal) error {
	if p.Boundary == "" {
		return nil
	}
	return directory.SetUse(tx, p.Boundary, directory.Boundary, k.entity(p), false)
}
