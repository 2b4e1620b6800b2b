package conform

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// sessionPolicyProbes ask what a session policy that is passed by ARN is worth before it
// is there, and after it changed or went.
func sessionPolicyProbes() []probe {
	byARN := func(arn string) sts.AssumeRoleInput {
		return sts.AssumeRoleInput{PolicyArns: []ststypes.PolicyDescriptorType{{Arn: &arn}}}
	}
	// live starts a session under a managed policy that lets it list roles, and asks it
	// to, after the change.
	live := func(change func(t *testing.T, client *iam.Client, arn string)) func(*testing.T, Target) string {
		return func(t *testing.T, target Target) string {
			client := iam.NewFromConfig(target.Config)
			r := newRole(t, target, allow("*", "iam:ListRoles"))
			name := target.name("policy")
			made := must(client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: document(t, allow("*", "iam:ListRoles"))}))(t)
			arn := *made.Policy.Arn
			t.Cleanup(func() { removePolicy(context.WithoutCancel(t.Context()), client, arn) })
			session := r.assume(t, target, byARN(arn))
			ask := func() error { return failure(iam.NewFromConfig(session).ListRoles(t.Context(), nil)) }
			if err := target.eventually(t, ask); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			change(t, client, arn)
			return target.observe(t, ask)
		}
	}
	return []probe{
		{
			"P5", "AssumeRole with the ARN of a policy that was never there", "MalformedPolicyDocument 400",
			func(t *testing.T, target Target) string {
				r := newRole(t, target, allow("*", "iam:ListRoles"))
				r.assume(t, target, sts.AssumeRoleInput{})
				in := byARN("arn:aws:iam::" + target.AccountID + ":policy/" + target.name("none"))
				in.RoleArn, in.RoleSessionName = &r.arn, aws.String("conform")
				return target.observe(t, func() error { return failure(sts.NewFromConfig(target.Config).AssumeRole(t.Context(), &in)) })
			},
		},
		{"P5", "a session whose policy was edited to allow something else", deniedAnswer, live(func(t *testing.T, client *iam.Client, arn string) {
			must(client.CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: &arn, SetAsDefault: true, PolicyDocument: document(t, allow("*", "iam:ListUsers"))}))(t)
		})},
		{"P5", "a session whose policy was deleted", deniedAnswer, live(func(t *testing.T, client *iam.Client, arn string) {
			must(client.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: &arn}))(t)
		})},
	}
}

// removePolicy deletes a policy that may be gone already or have two versions. What it
// cannot remove is seen by whoever looks at the account: its name tells the origin.
func removePolicy(ctx context.Context, client *iam.Client, arn string) {
	_, _ = client.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: aws.String("v1")})
	_, _ = client.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &arn})
}

// packingProbes ask how much of the packed size is left to a pod's session, and for the
// account's quotas.
func packingProbes() []probe {
	return []probe{
		{
			"P10", "packed size of Pod Identity's six transitive tags and one policy ARN; share of the token's limit", "80 %; not told",
			func(t *testing.T, target Target) string {
				pod := newRole(t, target, allow("*", "sts:AssumeRole", "sts:TagSession"))
				base := newRoleFor(t, target, []statement{trust(pod.arn)}, allow("*", "iam:ListRoles"))
				chained := target
				chained.Config = pod.assume(t, target, podIdentity())
				var packed, token *int32
				err := target.eventually(t, func() error {
					out, err := sts.NewFromConfig(chained.Config).AssumeRole(t.Context(), &sts.AssumeRoleInput{
						RoleArn: &base.arn, RoleSessionName: aws.String("cas-00000000-0000-4000-8000-000000000000"),
						PolicyArns: []ststypes.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")}},
					})
					if err == nil {
						//lint:ignore SA1019 what AWS has answered for years is what the measured numbers mean
						packed, token = out.PackedPolicySize, out.SessionTokenUtilization
					}
					return err
				})
				if err != nil {
					return inWords(err)
				}
				return percent(packed) + "; " + percent(token)
			},
		},
		{
			"P11", "quotas: policies, characters of a policy, versions of a policy", "1500, 6144, 5",
			func(t *testing.T, target Target) string {
				got := must(iam.NewFromConfig(target.Config).GetAccountSummary(t.Context(), nil))(t).SummaryMap
				return fmt.Sprintf("%d, %d, %d", got["PoliciesQuota"], got["PolicySizeQuota"], got["VersionsPerPolicyQuota"])
			},
		},
	}
}

func percent(n *int32) string {
	if n == nil {
		return "not told"
	}
	return fmt.Sprintf("%d %%", *n)
}

// podIdentity are the tags of EKS Pod Identity with names of usual length
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html).
func podIdentity() (in sts.AssumeRoleInput) {
	for _, tag := range [][2]string{
		{"eks-cluster-arn", "arn:aws:eks:us-west-2:123456789012:cluster/production"},
		{"eks-cluster-name", "production"},
		{"kubernetes-namespace", "managedcas"},
		{"kubernetes-service-account", "managedcas-cas"},
		{"kubernetes-pod-name", "managedcas-cas-7d4b9c6f5d-x2x8q"},
		{"kubernetes-pod-uid", "00000000-0000-4000-8000-000000000000"},
	} {
		in.Tags = append(in.Tags, ststypes.Tag{Key: &tag[0], Value: &tag[1]})
		in.TransitiveTagKeys = append(in.TransitiveTagKeys, tag[0])
	}
	return in
}

// trustProbes ask whether a trust policy can bind the session's name to its tag, and
// what it sees of inherited tags.
func trustProbes() []probe {
	const variable = "cas-${aws:RequestTag/org}"
	bound := func(name string, trusts ...statement) func(*testing.T, Target) string {
		return func(t *testing.T, target Target) string {
			for i := range trusts {
				trusts[i] = trusts[i].to(target.AdministratorARN)
			}
			r := newRoleFor(t, target, trusts, allow("*", "iam:ListRoles"))
			in := sts.AssumeRoleInput{RoleArn: &r.arn, RoleSessionName: &name, Tags: []ststypes.Tag{{Key: aws.String("org"), Value: aws.String("a")}}}
			return target.observe(t, func() error { return failure(sts.NewFromConfig(target.Config).AssumeRole(t.Context(), &in)) })
		}
	}
	assume := statement{Effect: "Allow", Action: []string{"sts:AssumeRole"}}.when("StringEquals", "sts:RoleSessionName", variable)
	tag := statement{Effect: "Allow", Action: []string{"sts:TagSession"}}
	return []probe{
		{"P12", "trust: sts:RoleSessionName is cas-${aws:RequestTag/org} for sts:AssumeRole, and it is", allowedAnswer, bound("cas-a", assume, tag)},
		{"P12", "same, and it is another", deniedAnswer, bound("cas-b", assume, tag)},
		{"P12", "same for sts:TagSession, too, and it is", deniedAnswer, bound("cas-a", assume, tag.when("StringEquals", "sts:RoleSessionName", variable))},
		{
			"P12", "trust: ForAllValues aws:TagKeys is org, and a tag team is inherited", deniedAnswer,
			func(t *testing.T, target Target) string {
				first := newRole(t, target, allow("*", "sts:AssumeRole", "sts:TagSession"))
				second := newRoleFor(t, target, []statement{trust(first.arn).when("ForAllValues:StringEquals", "aws:TagKeys", "org")}, allow("*", "iam:ListRoles"))
				team := ststypes.Tag{Key: aws.String("team"), Value: aws.String("a")}
				by := first.assume(t, target, sts.AssumeRoleInput{Tags: []ststypes.Tag{team}, TransitiveTagKeys: []string{"team"}})
				in := sts.AssumeRoleInput{RoleArn: &second.arn, RoleSessionName: aws.String("conform"), Tags: []ststypes.Tag{{Key: aws.String("org"), Value: aws.String("a")}}}
				return target.observe(t, func() error { return failure(sts.NewFromConfig(by).AssumeRole(t.Context(), &in)) })
			},
		},
	}
}
