package awscloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/managedcas/managedcas/internal/cloud"
)

// RolePolicyNames lists the inline policies of a role.
func (c *Cloud) RolePolicyNames(ctx context.Context, role string) ([]string, error) {
	list, followed := awsiam.NewListRolePoliciesPaginator(c.iam, &awsiam.ListRolePoliciesInput{RoleName: aws.String(role)}), pages{}
	var names []string
	for list.HasMorePages() {
		page, err := list.NextPage(ctx)
		if err == nil {
			err = followed.follow(page.Marker)
		}
		if err != nil {
			return nil, failed(err, "listing the inline policies of role %s", role)
		}
		names = append(names, page.PolicyNames...)
	}
	return names, nil
}

// AttachedPolicies lists the ARNs of the managed policies that are attached to a role.
func (c *Cloud) AttachedPolicies(ctx context.Context, role string) ([]string, error) {
	list, followed := awsiam.NewListAttachedRolePoliciesPaginator(c.iam, &awsiam.ListAttachedRolePoliciesInput{RoleName: aws.String(role)}), pages{}
	var arns []string
	for list.HasMorePages() {
		page, err := list.NextPage(ctx)
		if err == nil {
			err = followed.follow(page.Marker)
		}
		if err != nil {
			return nil, failed(err, "listing the policies attached to role %s", role)
		}
		for _, policy := range page.AttachedPolicies {
			arns = append(arns, aws.ToString(policy.PolicyArn))
		}
	}
	return arns, nil
}

// RolePolicies lists what is attached to a role.
func (c *Cloud) RolePolicies(ctx context.Context, role string) (cloud.RolePolicies, error) {
	inline, err := c.RolePolicyNames(ctx, role)
	if err != nil {
		return cloud.RolePolicies{}, err
	}
	attached, err := c.AttachedPolicies(ctx, role)
	return cloud.RolePolicies{Inline: inline, Attached: attached}, err
}
