package conform

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// newPolicy makes a managed policy and returns its ARN.
func newPolicy(t *testing.T, target Target, statements ...statement) string {
	t.Helper()
	return newPolicyAt(t, target, "/", target.name("policy"), statements...)
}

func newPolicyAt(t *testing.T, target Target, path, name string, statements ...statement) string {
	t.Helper()
	client := iam.NewFromConfig(target.Config)
	made := must(client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{Path: &path, PolicyName: &name, PolicyDocument: document(t, statements...)}))(t)
	target.cleanup(t, "policy", func() error {
		return failure(client.DeletePolicy(context.WithoutCancel(t.Context()), &iam.DeletePolicyInput{PolicyArn: made.Policy.Arn}))
	})
	return *made.Policy.Arn
}

// managedPolicies: names collide whatever their case and path, and documents have a
// size (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; facts AWS
// §5).
func managedPolicies(t *testing.T, target Target) {
	client := iam.NewFromConfig(target.Config)
	name := target.name("policy")
	arn := newPolicyAt(t, target, "/conform/", name, allow("*", "s3:GetObject"))
	if want := "arn:aws:iam::" + target.AccountID + ":policy/conform/" + name; arn != want {
		t.Errorf("ARN %s, want %s", arn, want)
	}
	create := func(path, name, text string) func() error {
		return func() error {
			made, err := client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{Path: &path, PolicyName: &name, PolicyDocument: &text})
			if err == nil { // it was to be refused, and must not stay
				err = failure(client.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: made.Policy.Arn}))
			}
			return err
		}
	}
	text := *document(t, allow("*", "s3:GetObject"))
	// White space does not count, up to the limit of the request.
	sized := func(n int) string {
		return text + strings.Repeat(" ", 1000) + "" + strings.Repeat("\n", n)
	}
	large := *document(t, allow(strings.Repeat("x", 6144), "s3:GetObject"))
	target.refused(t, "same name", 409, "EntityAlreadyExists", create("/conform/", name, text))
	target.refused(t, "same name at another path", 409, "EntityAlreadyExists", create("/", name, text))
	target.refused(t, "same name in capitals", 409, "EntityAlreadyExists", create("/", strings.ToUpper(name), text))
	target.refused(t, "not JSON", 400, "MalformedPolicyDocument", create("/", target.name("bad"), "{"))
	target.refused(t, "an effect that is none", 400, "MalformedPolicyDocument", create("/", target.name("bad"), strings.Replace(text, "Allow", "allow", 1)))
	target.refused(t, "a principal", 400, "MalformedPolicyDocument", create("/", target.name("bad"), *document(t, allow("*", "s3:GetObject").to("*"))))
	target.refused(t, "over 6,144 characters", 409, "LimitExceeded", create("/", target.name("bad"), *document(t, allow("arn:aws:s3:::"+large, "s3:GetObject"))))
	target.refused(t, "a name with a space", 400, "ValidationError", create("/", "conform policy", text))
	target.refused(t, "a path without its end", 400, "ValidationError", create("/conform", target.name("bad"), text))
	target.allowed(t, "7,144 characters, most of them white space", create("/", target.name("spacious"), sized(6000)))
	target.refused(t, "no such policy", 404, "NoSuchEntity", func() error {
		return failure(client.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: aws.String(arn + "x")}))
	})
}

// policyVersions: five at most, one of them the default, which stays
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html;
// facts AWS §5).
func policyVersions(t *testing.T, target Target) {
	client := iam.NewFromConfig(target.Config)
	arn := newPolicy(t, target, allow("*", "s3:GetObject"))
	add := func(in iam.CreatePolicyVersionInput) (string, error) {
		in.PolicyArn, in.PolicyDocument = &arn, document(t, allow("*", "s3:PutObject"))
		out, err := client.CreatePolicyVersion(t.Context(), &in)
		if err != nil {
			return "", err
		}
		return *out.PolicyVersion.VersionId, nil
	}
	remove := func(id string) func() error {
		return func() error {
			return failure(client.DeletePolicyVersion(t.Context(), &iam.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: &id}))
		}
	}
	byDefault := func() string {
		return *must(client.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: &arn}))(t).Policy.DefaultVersionId
	}
	for _, want := range []string{"v2", "v3", "v4", "v5"} {
		if got := must(add(iam.CreatePolicyVersionInput{}))(t); got != want {
			t.Errorf("version %s, want %s", got, want)
		}
	}
	if got := byDefault(); got != "v1" {
		t.Errorf("a new version became the default unasked: %s", got)
	}
	target.refused(t, "a sixth version", 409, "LimitExceeded", func() error { return failure(add(iam.CreatePolicyVersionInput{})) })
	target.refused(t, "deleting the default version", 409, "DeleteConflict", remove("v1"))
	target.refused(t, "deleting a policy with other versions", 409, "DeleteConflict", func() error {
		return failure(client.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: &arn}))
	})
	target.allowed(t, "deleting another version", remove("v2"))
	if got := must(add(iam.CreatePolicyVersionInput{SetAsDefault: true}))(t); got != "v6" || byDefault() != "v6" {
		t.Errorf("version %s, default %s, want v6: numbers are not used again", got, byDefault())
	}
	version := must(client.GetPolicyVersion(t.Context(), &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: aws.String("v6")}))(t)
	if text, err := url.QueryUnescape(*version.PolicyVersion.Document); err != nil || text != *document(t, allow("*", "s3:PutObject")) {
		t.Errorf("the document is %s, %v", text, err)
	}
	for _, id := range []string{"v1", "v3", "v4", "v5"} {
		target.allowed(t, "deleting "+id, remove(id))
	}
	target.refused(t, "deleting it again", 404, "NoSuchEntity", remove("v5"))
}

// pagesOfIAM: MaxItems, Marker and IsTruncated
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html, which may
// return fewer items than there are, but says so).
func pagesOfIAM(t *testing.T, target Target) {
	client := iam.NewFromConfig(target.Config)
	path := "/" + target.name("path") + "/"
	var want []string
	for range 3 {
		want = append(want, newPolicyAt(t, target, path, target.name("policy"), allow("*", "s3:GetObject")))
	}
	list := func() (got []string) {
		in := &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal, PathPrefix: &path, MaxItems: aws.Int32(1)}
		for {
			out := must(client.ListPolicies(t.Context(), in))(t)
			if len(out.Policies) > 1 || out.IsTruncated != (out.Marker != nil) {
				t.Fatalf("a page of %d, truncated %v, marker %v", len(out.Policies), out.IsTruncated, out.Marker)
			}
			for _, p := range out.Policies {
				got = append(got, *p.Arn)
			}
			if !out.IsTruncated {
				slices.Sort(got)
				return got
			}
			in.Marker = out.Marker
		}
	}
	slices.Sort(want)
	target.allowed(t, "all pages", func() error {
		if got := list(); !slices.Equal(got, want) {
			return unexpectedList{got, want}
		}
		return nil
	})
	for _, bad := range []*iam.ListPoliciesInput{{MaxItems: aws.Int32(0)}, {MaxItems: aws.Int32(1001)}, {Marker: aws.String("%")}, {PathPrefix: aws.String("x")}} {
		target.refused(t, "a page that cannot be", 400, "ValidationError", func() error { return failure(client.ListPolicies(t.Context(), bad)) })
	}
	attached := must(client.ListPolicies(t.Context(), &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal, PathPrefix: &path, OnlyAttached: true}))(t)
	if len(attached.Policies) != 0 {
		t.Errorf("policies that nobody has are called attached: %d", len(attached.Policies))
	}
}

// unexpectedList is a list that is not the wanted one.
type unexpectedList struct{ got, want []string }

func (u unexpectedList) Error() string {
	return "got " + strings.Join(u.got, " ") + ", want " + strings.Join(u.want, " ")
}

// roles: what keeps them from being deleted, and their names
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html,
// API_CreateRole.html).
func roles(t *testing.T, target Target) {
	client := iam.NewFromConfig(target.Config)
	r := newRole(t, target, allow("*", "s3:GetObject"))
	if !strings.HasPrefix(r.id, "AROA") {
		t.Errorf("role id %s", r.id)
	}
	create := func(name, trusts string) func() error {
		return func() error {
			return failure(client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trusts}))
		}
	}
	trusts := *document(t, trust(target.AdministratorARN))
	target.refused(t, "same name", 409, "EntityAlreadyExists", create(r.name, trusts))
	target.refused(t, "same name in capitals", 409, "EntityAlreadyExists", create(strings.ToUpper(r.name), trusts))
	target.refused(t, "a principal that is not there", 400, "MalformedPolicyDocument", create(target.name("bad"), *document(t, trust(r.arn+"-none"))))
	target.refused(t, "a trust policy with a resource", 400, "MalformedPolicyDocument",
		create(target.name("bad"), *document(t, allow("*", "sts:AssumeRole").to(target.AdministratorARN))))
	target.refused(t, "deleting a role with a policy", 409, "DeleteConflict", func() error {
		return failure(client.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: &r.name}))
	})
	target.refused(t, "no such role", 404, "NoSuchEntity", func() error {
		return failure(client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(r.name + "x")}))
	})
	target.refused(t, "no such policy of a role", 404, "NoSuchEntity", func() error {
		return failure(client.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &r.name, PolicyName: aws.String("none")}))
	})
	policy := newPolicy(t, target, allow("*", "s3:GetObject"))
	must(client.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: &r.name, PolicyArn: &policy}))(t)
	target.refused(t, "deleting an attached policy", 409, "DeleteConflict", func() error {
		return failure(client.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: &policy}))
	})
	must(client.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: &r.name, PolicyArn: &policy}))(t)
}
