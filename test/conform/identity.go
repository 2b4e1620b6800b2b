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
	forged.Credentials = credentials.NewStaticCredentialsProvider(real.AccessKeyID, real.SecretAccessKey+"x", real.SessionToken)
	_, err := sts.NewFromConfig(forged).GetCallerIdentity(t.Context(), nil)
	refused(t, err, 403, "SignatureDoesNotMatch")

	forged.Credentials = credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", real.SecretAccessKey, "")
	_, err = sts.NewFromConfig(forged).GetCallerIdentity(t.Context(), nil)
	refused(t, err, 403, "InvalidClientTokenId")
}

// role is a role made for one check.
type role struct{ name, arn, id string }

// newRole makes a role that the administrator may assume, with one inline policy.
func newRole(t *testing.T, target Target, permissions ...statement) role {
	t.Helper()
	client := iam.NewFromConfig(target.Config)
	r := role{name: name("role")}
	made := must(client.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: &r.name, AssumeRolePolicyDocument: document(t, trust(target.AdministratorARN)),
	}))(t)
	r.arn, r.id = *made.Role.Arn, *made.Role.RoleId
	cleanup(t, "role", func() error {
		_, err := client.DeleteRole(context.WithoutCancel(t.Context()), &iam.DeleteRoleInput{RoleName: &r.name})
		return err
	})
	inline := "permissions"
	must(client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: &r.name, PolicyName: &inline, PolicyDocument: document(t, permissions...),
	}))(t)
	cleanup(t, "role policy", func() error {
		_, err := client.DeleteRolePolicy(context.WithoutCancel(t.Context()), &iam.DeleteRolePolicyInput{RoleName: &r.name, PolicyName: &inline})
		return err
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
	got := must(sts.NewFromConfig(target.Config).AssumeRole(t.Context(), &in))(t)
	cfg := target.Config.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(
		*got.Credentials.AccessKeyId, *got.Credentials.SecretAccessKey, *got.Credentials.SessionToken)
	return cfg
}

// sessionPolicies: a session may do what both the role and the session policy allow
// (facts AWS §3.3).
func sessionPolicies(t *testing.T, target Target) {
	r := newRole(t, target, allow("*", "iam:GetRole", "iam:ListRoles"))
	read := func(cfg aws.Config) error {
		_, err := iam.NewFromConfig(cfg).GetRole(t.Context(), &iam.GetRoleInput{RoleName: &r.name})
		return err
	}
	if err := read(r.assume(t, target, sts.AssumeRoleInput{})); err != nil {
		t.Errorf("without session policy: %v", err)
	}
	if err := read(r.assume(t, target, sts.AssumeRoleInput{Policy: document(t, allow(r.arn, "iam:GetRole"))})); err != nil {
		t.Errorf("allowed by both: %v", err)
	}
	refused(t, read(r.assume(t, target, sts.AssumeRoleInput{Policy: document(t, allow("*", "iam:ListRoles"))})), 403, "AccessDenied")

	wide := r.assume(t, target, sts.AssumeRoleInput{Policy: document(t, allow("*", "iam:*"))})
	_, err := iam.NewFromConfig(wide).ListUsers(t.Context(), nil)
	refused(t, err, 403, "AccessDenied")

	managed := must(iam.NewFromConfig(target.Config).CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: aws.String(name("policy")), PolicyDocument: document(t, allow("*", "iam:ListRoles")),
	}))(t).Policy.Arn
	cleanup(t, "policy", func() error {
		_, err := iam.NewFromConfig(target.Config).DeletePolicy(context.WithoutCancel(t.Context()), &iam.DeletePolicyInput{PolicyArn: managed})
		return err
	})
	byARN := r.assume(t, target, sts.AssumeRoleInput{PolicyArns: []ststypes.PolicyDescriptorType{{Arn: managed}}})
	refused(t, read(byARN), 403, "AccessDenied")
}

// sessionTags: the limits of AssumeRole's parameters, and who a session is (facts
// AWS §4.1, §4.2).
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
	client := sts.NewFromConfig(target.Config)
	for _, tc := range []struct {
		in     sts.AssumeRoleInput
		status int
		code   string
	}{
		{sts.AssumeRoleInput{RoleArn: &r.arn, RoleSessionName: aws.String("a/b")}, 400, "ValidationError"},
		{sts.AssumeRoleInput{RoleArn: &r.arn, RoleSessionName: aws.String("ab"), DurationSeconds: aws.Int32(7200)}, 400, "ValidationError"},
		{sts.AssumeRoleInput{RoleArn: aws.String(r.arn + "x"), RoleSessionName: aws.String("ab")}, 403, "AccessDenied"},
	} {
		_, err := client.AssumeRole(t.Context(), &tc.in)
		refused(t, err, tc.status, tc.code)
	}
}
