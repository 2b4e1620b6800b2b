package iamapi

import (
	"context"
	"maps"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/iam"
)

func (k principalKind) inlineNotFound(name string) error {
	return noSuchEntity("The %s policy with name %s cannot be found.", k.kind, name)
}

func (s *Service) putInline(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name, policy, text := k.name(c), c.Text("PolicyName", awsquery.Name(1, 128)), c.document("PolicyDocument")
		if err := c.Err(); err != nil {
			return nil, err
		}
		return nil, s.change(ctx, c, k, name, nil, func(_ directory.Tx, p *directory.Principal) error {
			if err := checkIdentityPolicy(text); err != nil {
				return err
			}
			if p.Inline == nil {
				p.Inline = map[string]string{}
			}
			p.Inline[policy] = text
			size := 0
			for _, text := range p.Inline {
				size += iam.NonWhitespaceLength([]byte(text))
			}
			if most := k.inline(s.quotas); size > most {
				return limitExceeded("Maximum policy size of %d bytes exceeded for %s %s", most, k.kind, name)
			}
			return nil
		})
	}
}

// inlineResult has the name of the role or the user, whichever it is.
type inlineResult struct {
	RoleName       string `xml:",omitempty"`
	UserName       string `xml:",omitempty"`
	PolicyName     string
	PolicyDocument string
}

func (s *Service) getInline(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name, policy := k.name(c), c.Text("PolicyName", awsquery.Name(1, 128))
		if err := c.Err(); err != nil {
			return nil, err
		}
		p, err := s.authorizePrincipal(ctx, c, k, name)
		if err != nil {
			return nil, err
		}
		text, ok := p.Inline[policy]
		if !ok {
			return nil, k.inlineNotFound(policy)
		}
		result := inlineResult{PolicyName: policy, PolicyDocument: encoded(text)}
		if k.kind == directory.KindRole {
			result.RoleName = p.Name
		} else {
			result.UserName = p.Name
		}
		return result, nil
	}
}

func (s *Service) deleteInline(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name, policy := k.name(c), c.Text("PolicyName", awsquery.Name(1, 128))
		if err := c.Err(); err != nil {
			return nil, err
		}
		return nil, s.change(ctx, c, k, name, nil, func(_ directory.Tx, p *directory.Principal) error {
			if _, ok := p.Inline[policy]; !ok {
				return k.inlineNotFound(policy)
			}
			delete(p.Inline, policy)
			return nil
		})
	}
}

type listInlineResult struct {
	PolicyNames awsquery.List[string]
	pageEnd
}

func (s *Service) listInline(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name, pg := k.name(c), readPage(c)
		if err := c.Err(); err != nil {
			return nil, err
		}
		p, err := s.authorizePrincipal(ctx, c, k, name)
		if err != nil {
			return nil, err
		}
		list := collector[string]{page: pg}
		for _, policy := range slices.Sorted(maps.Keys(p.Inline)) {
			list.add(policy, policy)
		}
		return listInlineResult{awsquery.Of(list.items), list.end()}, nil
	}
}
