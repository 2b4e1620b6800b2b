package conform

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

func identity(t *testing.T, target Target) {
	id := must(sts.NewFromConfig(target.Config).GetCallerIdentity(t.Context(), nil))(t)
	if aws.ToString(id.Account) != target.AccountID || aws.ToString(id.UserId) == "" {
		t.Errorf("account %s, user %q", aws.ToString(id.Account), aws.ToString(id.UserId))
	}

	forged := target.Config.Copy()
	real := must(forged.Credentials.Retrieve(t.Context()))(t)
	identify := func() error { return failure(sts.NewFromConfig(forged).GetCallerIdentity(t.Context(), nil)) }
	forged.Credentials = credentials.NewStaticCredentialsProvider(real.AccessKeyID, real.SecretAccessKey+"x", real.SessionToken)
	target.refused(t, "wrong secret", 403, "SignatureDoesNotMatch", identify)
	forged.Credentials = credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", real.SecretAccessKey, "")
	target.refused(t, "unknown key", 403, "InvalidClientTokenId", identify)
}

// role is a role made for one check.
type role struct{ name, arn, id string }

// newRole makes a role that the administrator may assume, with one inline policy.
func newRole(t *testing.T, target Target, permissions ...statement) role {
	t.Helper()
	return newRoleFor(t, target, []statement{trust(target.AdministratorARN)}, permissions...)
}

// newRoleFor makes a role with a trust policy.
func newRoleFor(t *testing.T, target Target, trusts []statement, permissions ...statement) role {
	t.Helper()
	client := iam.NewFromConfig(target.Config)
	r := role{name: target.name("role")}
	// A principal that was just made may not be known yet (facts AWS §4.5).
	var made *iam.CreateRoleOutput
	if err := target.eventually(t, func() (err error) {
		made, err = client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &r.name, AssumeRolePolicyDocument: document(t, trusts...)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	r.arn, r.id = *made.Role.Arn, *made.Role.RoleId
	target.cleanup(t, "role", func() error {
		return failure(client.DeleteRole(context.WithoutCancel(t.Context()), &iam.DeleteRoleInput{RoleName: &r.name}))
	})
	inline := "permissions"
	must(client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: &r.name, PolicyName: &inline, PolicyDocument: document(t, permissions...),
	}))(t)
	target.cleanup(t, "role policy", func() error {
		return failure(client.DeleteRolePolicy(context.WithoutCancel(t.Context()), &iam.DeleteRolePolicyInput{RoleName: &r.name, PolicyName: &inline}))
	})
	return r
}

// assume returns the configuration of a session of r.
func (r role) assume(t *testing.T, target Target, in sts.AssumeRoleInput) aws.Config {
	t.Helper()
	in.RoleArn = &r.arn
	if in.RoleSessionName == nil {
		in.RoleSessionName = aws.String("conform")
	}
	var got *sts.AssumeRoleOutput
	if err := target.eventually(t, func() (err error) {
		got, err = sts.NewFromConfig(target.Config).AssumeRole(t.Context(), &in)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return withCredentials(target.Config, got.Credentials)
}

func withCredentials(cfg aws.Config, c *ststypes.Credentials) aws.Config {
	cfg = cfg.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	return cfg
}

// sessionPolicies: a session may do what both the role and the session policy allow
// (facts AWS §3.3).
func sessionPolicies(t *testing.T, target Target) {
	r := newRole(t, target, allow("*", "iam:GetRole", "iam:ListRoles"))
	read := func(in sts.AssumeRoleInput) func() error {
		cfg := r.assume(t, target, in)
		return func() error {
			return failure(iam.NewFromConfig(cfg).GetRole(t.Context(), &iam.GetRoleInput{RoleName: &r.name}))
		}
	}
	target.allowed(t, "without session policy", read(sts.AssumeRoleInput{}))
	target.allowed(t, "allowed by both", read(sts.AssumeRoleInput{Policy: document(t, allow(r.arn, "iam:GetRole"))}))
	target.refused(t, "not in the session policy", 403, "AccessDenied", read(sts.AssumeRoleInput{Policy: document(t, allow("*", "iam:ListRoles"))}))

	wide := r.assume(t, target, sts.AssumeRoleInput{Policy: document(t, allow("*", "iam:*"))})
	target.refused(t, "not in the role's policy", 403, "AccessDenied", func() error {
		return failure(iam.NewFromConfig(wide).ListUsers(t.Context(), nil))
	})
	managed := newPolicy(t, target, allow("*", "iam:ListRoles"))
	target.refused(t, "not in the session policy passed by ARN", 403, "AccessDenied",
		read(sts.AssumeRoleInput{PolicyArns: []ststypes.PolicyDescriptorType{{Arn: &managed}}}))
	both := sts.AssumeRoleInput{PolicyArns: []ststypes.PolicyDescriptorType{{Arn: &managed}}, Policy: document(t, allow(r.arn, "iam:GetRole"))}
	target.allowed(t, "in one of two session policies", read(both))
}

// sessionTags: who a session is (facts AWS §4.2).
func sessionTags(t *testing.T, target Target) {
	r := newRole(t, target, allow("*", "iam:ListRoles"))
	cfg := r.assume(t, target, sts.AssumeRoleInput{
		RoleSessionName: aws.String("cas-org"), Tags: []ststypes.Tag{{Key: aws.String("org"), Value: aws.String("o")}},
	})
	id := must(sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil))(t)
	if got, want := aws.ToString(id.UserId), r.id+":cas-org"; got != want {
		t.Errorf("user id %s, want %s", got, want)
	}
	if got := aws.ToString(id.Arn); !strings.HasSuffix(got, ":assumed-role/"+r.name+"/cas-org") {
		t.Errorf("ARN %s", got)
	}
}
