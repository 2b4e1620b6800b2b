package awscloud

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// Role reads a role by name.
func (c *Cloud) Role(ctx context.Context, name string) (cloud.Role, error) {
	out, err := c.iam.GetRole(ctx, &awsiam.GetRoleInput{RoleName: aws.String(name)})
	if err != nil {
		return cloud.Role{}, failed(err, "reading role %s", name)
	}
	role, err := roleOf(out.Role)
	if err != nil {
		return cloud.Role{}, failed(err, "reading role %s", name)
	}
	return role, nil
}

// CreateRole creates a role at path "/" with the longest session set to maxSession
// (1 to 12 hours). A trust policy that names a role of a moment ago may be
// cloud.ErrMalformedPolicy for some seconds (facts AWS §4.5).
func (c *Cloud) CreateRole(ctx context.Context, name, description string, trust *iam.Document, maxSession time.Duration) (cloud.Role, error) {
	text, err := json.Marshal(trust)
	if err != nil {
		return cloud.Role{}, failed(err, "writing the trust policy of role %s", name)
	}
	out, err := c.iam.CreateRole(ctx, &awsiam.CreateRoleInput{
		RoleName:                 aws.String(name),
		Description:              aws.String(description),
		AssumeRolePolicyDocument: aws.String(string(text)),
		MaxSessionDuration:       aws.Int32(int32(maxSession / time.Second)),
	})
	if err != nil {
		return cloud.Role{}, failed(err, "creating role %s", name)
	}
	return roleOf(out.Role)
}

// PutRoleTrust replaces the trust policy of a role. Issued sessions keep working.
func (c *Cloud) PutRoleTrust(ctx context.Context, name string, trust *iam.Document) error {
	text, err := json.Marshal(trust)
	if err != nil {
		return failed(err, "writing the trust policy of role %s", name)
	}
	_, err = c.iam.UpdateAssumeRolePolicy(ctx, &awsiam.UpdateAssumeRolePolicyInput{
		RoleName: aws.String(name), PolicyDocument: aws.String(string(text)),
	})
	return failed(err, "replacing the trust policy of role %s", name)
}

// PutRoleMaxSession sets the longest session of a role (1 to 12 hours).
func (c *Cloud) PutRoleMaxSession(ctx context.Context, name string, maxSession time.Duration) error {
	_, err := c.iam.UpdateRole(ctx, &awsiam.UpdateRoleInput{
		RoleName: aws.String(name), MaxSessionDuration: aws.Int32(int32(maxSession / time.Second)),
	})
	return failed(err, "setting the longest session of role %s", name)
}

// RolePolicy reads an inline policy of a role as JSON.
func (c *Cloud) RolePolicy(ctx context.Context, role, name string) ([]byte, error) {
	out, err := c.iam.GetRolePolicy(ctx, &awsiam.GetRolePolicyInput{
		RoleName: aws.String(role), PolicyName: aws.String(name),
	})
	if err != nil {
		return nil, failed(err, "reading policy %s of role %s", name, role)
	}
	return decodeDocument(aws.ToString(out.PolicyDocument))
}

// PutRolePolicy creates or replaces an inline policy of a role.
func (c *Cloud) PutRolePolicy(ctx context.Context, role, name string, policy *iam.Document) error {
	text, err := json.Marshal(policy)
	if err != nil {
		return failed(err, "writing policy %s of role %s", name, role)
	}
	_, err = c.iam.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{
		RoleName: aws.String(role), PolicyName: aws.String(name), PolicyDocument: aws.String(string(text)),
	})
	return failed(err, "replacing policy %s of role %s", name, role)
}

func roleOf(r *types.Role) (cloud.Role, error) {
	if r == nil {
		return cloud.Role{}, errNoAnswer
	}
	trust, err := decodeDocument(aws.ToString(r.AssumeRolePolicyDocument))
	if err != nil {
		return cloud.Role{}, err
	}
	role := cloud.Role{
		Name:        aws.ToString(r.RoleName),
		ARN:         aws.ToString(r.Arn),
		ID:          aws.ToString(r.RoleId),
		Description: aws.ToString(r.Description),
		Trust:       trust,
		MaxSession:  time.Duration(aws.ToInt32(r.MaxSessionDuration)) * time.Second,
	}
	if r.PermissionsBoundary != nil {
		role.Boundary = aws.ToString(r.PermissionsBoundary.PermissionsBoundaryArn)
	}
	return role, nil
}
