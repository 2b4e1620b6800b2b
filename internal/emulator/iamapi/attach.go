package iamapi

import (
	"context"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
)

func notAttachable(arn string) error {
	return noSuchEntity("Policy %s does not exist or is not attachable.%s", arn, directory.OnMissing(arn))
}

func (s *Service) attach(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name, arn := k.name(c), c.arn("PolicyArn")
		if err := c.Err(); err != nil {
			return nil, err
		}
		return nil, s.change(ctx, c, k, name, about("iam:PolicyARN", arn), func(tx directory.Tx, p *directory.Principal) error {
			if _, err := directory.PolicyByARN(tx, arn); err != nil {
				return found(err, notAttachable(arn))
			}
			if slices.Contains(p.Attached, arn) {
				return nil // attaching twice is no error
			}
			if most := k.attached(s.quotas); len(p.Attached) >= most {
				return limitExceeded("Cannot exceed quota for PoliciesPer%s: %d", k.label, most)
			}
			p.Attached = append(p.Attached, arn)
			return directory.SetUse(tx, arn, directory.Attached, k.entity(*p), true)
		})
	}
}

func (s *Service) detach(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name, arn := k.name(c), c.arn("PolicyArn")
		if err := c.Err(); err != nil {
			return nil, err
		}
		return nil, s.change(ctx, c, k, name, about("iam:PolicyARN", arn), func(tx directory.Tx, p *directory.Principal) error {
			if !slices.Contains(p.Attached, arn) {
				return noSuchEntity("Policy %s was not found.", arn)
			}
			p.Attached = slices.DeleteFunc(p.Attached, func(a string) bool { return a == arn })
			return directory.SetUse(tx, arn, directory.Attached, k.entity(*p), false)
		})
	}
}

type attachedPolicyXML struct {
	PolicyName string
	PolicyArn  string
}

type listAttachedResult struct {
	AttachedPolicies awsquery.List[attachedPolicyXML]
	pageEnd
}

func (s *Service) listAttached(k principalKind) operation {
	return func(ctx context.Context, c *call) (any, error) {
		name, prefix, pg := k.name(c), c.pathPrefix(), readPage(c)
		if err := c.Err(); err != nil {
			return nil, err
		}
		p, err := s.authorizePrincipal(ctx, c, k, name)
		if err != nil {
			return nil, err
		}
		list := collector[attachedPolicyXML]{page: pg}
		err = s.dir.View(func(tx directory.Tx) error {
			for _, arn := range slices.Sorted(slices.Values(p.Attached)) {
				policy, err := directory.PolicyByARN(tx, arn)
				if err != nil {
					return err
				}
				if strings.HasPrefix(policy.Path, prefix) {
					list.add(arn, attachedPolicyXML{policy.Name, arn})
				}
			}
			return nil
		})
		return listAttachedResult{awsquery.Of(list.items), list.end()}, err
	}
}
