package iamapi

import (
	"context"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/awsquery"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/iam"
)

type policyResult struct{ Policy policyXML }

func (s *Service) createPolicy(ctx context.Context, c *call) (any, error) {
	p := directory.Policy{
		Name:        c.Text("PolicyName", awsquery.Name(1, 128)),
		Path:        c.path(true),
		Description: c.description(),
		Default:     "v1",
	}
	text, tags := c.document("PolicyDocument"), c.Tags("Tags")
	if err := c.Err(); err != nil {
		return nil, err
	}
	p.ARN = s.dir.ARN(directory.KindPolicy, p.Path, p.Name)
	if err := s.authorizeActions(ctx, c, p.ARN, createActions("CreatePolicy", "TagPolicy", tags), requestTags(tags)); err != nil {
		return nil, err
	}
	if err := s.checkManagedPolicy(text); err != nil {
		return nil, err
	}
	var err error
	if p.Tags, err = s.applyTags(nil, tags, false); err != nil {
		return nil, err
	}
	p.ID = directory.NewID(directory.KindPolicy)
	var view policyXML
	err = s.dir.Update(func(tx directory.Tx) error {
		_, lookup := directory.Policies.Get(tx, p.Name)
		if err := taken(lookup, alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", p.Name)); err != nil {
			return err
		}
		n, err := directory.Policies.Count(tx)
		if err != nil {
			return err
		}
		if n >= s.quotas.Policies {
			return limitExceeded("Cannot exceed quota for PoliciesPerAccount: %d", s.quotas.Policies)
		}
		created := p
		created.Created = tx.Now().UTC().Truncate(time.Second)
		if err := s.addVersion(tx, &created, text, true); err != nil {
			return err
		}
		view, err = describePolicy(tx, created)
		return err
	})
	return policyResult{view}, err
}

func (s *Service) getPolicy(ctx context.Context, c *call) (any, error) {
	p, err := s.authorizePolicy(ctx, c)
	if err != nil {
		return nil, err
	}
	var view policyXML
	err = s.dir.View(func(tx directory.Tx) error {
		view, err = describePolicy(tx, p)
		return err
	})
	return policyResult{view}, err
}

func (s *Service) deletePolicy(ctx context.Context, c *call) (any, error) {
	return nil, s.changePolicy(ctx, c, nil, func(tx directory.Tx, p directory.Policy) error {
		for _, use := range []directory.Use{directory.Attached, directory.Boundary} {
			users, err := directory.UsersOf(tx, p.ARN, use)
			if err != nil {
				return err
			}
			if len(users) > 0 {
				return deleteConflict("Cannot delete a policy attached to entities.")
			}
		}
		if len(p.Versions) > 1 {
			return deleteConflict("This policy has more than one version. Before you delete a policy, " +
				"you must delete the policy's versions. The default version is deleted with the policy.")
		}
		if err := directory.Versions.Delete(tx, directory.VersionKey(p.ID, p.Default)); err != nil {
			return err
		}
		return directory.Policies.Delete(tx, p.Name)
	})
}

func (s *Service) checkManagedPolicy(text string) error {
	if err := checkIdentityPolicy(text); err != nil {
		return err
	}
	if n := iam.NonWhitespaceLength([]byte(text)); n > s.quotas.PolicySize {
		return limitExceeded("Cannot exceed quota for PolicySize: %d", s.quotas.PolicySize)
	}
	return nil
}

func policyNotFound(arn string) error {
	return noSuchEntity("Policy %s was not found.%s", arn, directory.OnMissing(arn))
}

// authorizePolicy reads PolicyArn, authorizes the operation on the policy and returns
// it.
func (s *Service) authorizePolicy(ctx context.Context, c *call, keys ...iam.Context) (directory.Policy, error) {
	arn := c.arn("PolicyArn")
	if err := c.Err(); err != nil {
		return directory.Policy{}, err
	}
	var p directory.Policy
	lookup := s.dir.View(func(tx directory.Tx) (err error) {
		p, err = directory.PolicyByARN(tx, arn)
		return err
	})
	if err := found(lookup, nil); err != nil {
		return p, err
	}
	if err := s.authorize(ctx, c, arn, append(keys, resourceTags(p.Tags))...); err != nil {
		return p, err
	}
	return p, found(lookup, policyNotFound(arn))
}

// changePolicy authorizes an operation on one of the account's own policies and does
// it in a transaction.
func (s *Service) changePolicy(ctx context.Context, c *call, keys iam.Context, change func(directory.Tx, directory.Policy) error) error {
	p, err := s.authorizePolicy(ctx, c, keys)
	if err != nil {
		return err
	}
	if directory.IsAWSManaged(p.ARN) {
		return invalidInput("Policy %s is managed by AWS and cannot be changed.", p.ARN)
	}
	return s.dir.Update(func(tx directory.Tx) error {
		current, err := directory.PolicyByARN(tx, p.ARN)
		if err != nil {
			return found(err, policyNotFound(p.ARN))
		}
		return change(tx, current)
	})
}
