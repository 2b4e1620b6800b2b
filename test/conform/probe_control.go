package conform

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// selfProtectionProbes ask whether an access point's own policy can keep somebody from
// managing it. The Deny is for one session only: whoever runs this can still clean up.
func selfProtectionProbes() []probe {
	denied := func(action string, call func(ctx context.Context, client *s3control.Client, account, arn string, policy *string) error) func(*testing.T, Target) string {
		return func(t *testing.T, target Target) string {
			arn := newAccessPoint(t, target, newBucket(t, target))
			r := newRole(t, target, allow("*", action))
			onlyThis := deny(arn, action).to("*").when("StringEquals", "aws:userid", r.id+":conform")
			setAccessPointPolicy(t, target, arn, onlyThis)
			client := s3control.NewFromConfig(r.assume(t, target, sts.AssumeRoleInput{}))
			return target.observe(t, func() error {
				return call(t.Context(), client, target.AccountID, arn, document(t, onlyThis))
			})
		}
	}
	return []probe{
		{"P6", "the access point's policy denies s3:PutAccessPointPolicy to who may by identity", deniedAnswer, denied("s3:PutAccessPointPolicy",
			func(ctx context.Context, client *s3control.Client, account, arn string, policy *string) error {
				return failure(client.PutAccessPointPolicy(ctx, &s3control.PutAccessPointPolicyInput{AccountId: &account, Name: nameOf(arn), Policy: policy}))
			})},
		{"P6", "same with s3:DeleteAccessPoint", deniedAnswer, denied("s3:DeleteAccessPoint",
			func(ctx context.Context, client *s3control.Client, account, arn string, _ *string) error {
				return failure(client.DeleteAccessPoint(ctx, &s3control.DeleteAccessPointInput{AccountId: &account, Name: nameOf(arn)}))
			})},
		{"P6", "same with s3:GetAccessPointPolicy", deniedAnswer, denied("s3:GetAccessPointPolicy",
			func(ctx context.Context, client *s3control.Client, account, arn string, _ *string) error {
				return failure(client.GetAccessPointPolicy(ctx, &s3control.GetAccessPointPolicyInput{AccountId: &account, Name: nameOf(arn)}))
			})},
		{
			"P6", "NotResource in an access point policy", allowedAnswer,
			func(t *testing.T, target Target) string {
				arn := newAccessPoint(t, target, newBucket(t, target))
				r := newRole(t, target, allow("*", "s3:GetObject"))
				elsewhere := statement{Effect: "Deny", Action: []string{"s3:GetObject"}, NotResource: []string{arn + "/object/mine/*"}}.to(r.arn)
				return target.observe(t, func() error {
					return failure(s3control.NewFromConfig(target.Config).PutAccessPointPolicy(t.Context(), &s3control.PutAccessPointPolicyInput{
						AccountId: &target.AccountID, Name: nameOf(arn), Policy: document(t, elsewhere),
					}))
				})
			},
		},
	}
}

// propagationProbes ask when what was made can be used.
func propagationProbes() []probe {
	const atOnce = "at the first attempt"
	create := func(target Target, name, bucket *string) *s3control.CreateAccessPointInput {
		return &s3control.CreateAccessPointInput{AccountId: &target.AccountID, Name: name, Bucket: bucket}
	}
	return []probe{
		{
			"P13", "making an access point again under the name of one that was just deleted", atOnce,
			func(t *testing.T, target Target) string {
				client := s3control.NewFromConfig(target.Config)
				bucket, name := newBucket(t, target), target.name("ap")
				remove := func(ctx context.Context) error {
					return failure(client.DeleteAccessPoint(ctx, &s3control.DeleteAccessPointInput{AccountId: &target.AccountID, Name: &name}))
				}
				must(client.CreateAccessPoint(t.Context(), create(target, &name, &bucket)))(t)
				if err := remove(t.Context()); err != nil {
					t.Fatal(err)
				}
				told := target.attempts(t, func() error { return failure(client.CreateAccessPoint(t.Context(), create(target, &name, &bucket))) })
				target.cleanup(t, "access point", func() error { return remove(context.WithoutCancel(t.Context())) })
				return told
			},
		},
		{
			"P13", "reading through an access point that was just made", atOnce,
			func(t *testing.T, target Target) string {
				bucket := newBucket(t, target)
				store(t, s3.NewFromConfig(target.Config), bucket, "mine/x")
				arn := newAccessPoint(t, target, bucket)
				return target.attempts(t, func() error {
					return failure(s3.NewFromConfig(target.Config).GetObject(t.Context(), &s3.GetObjectInput{Bucket: &arn, Key: aws.String("mine/x")}))
				})
			},
		},
		{
			"P13", "being let in by an access point policy that was just put", atOnce,
			func(t *testing.T, target Target) string {
				x := newTenant(t, target, func(string, string) []statement { return []statement{allow("*", "s3:ListAllMyBuckets")} })
				setPolicy(t, target, x.bucket, delegation(x.bucket, target.AccountID, "s3:GetObject"))
				read := x.read(t, target, sts.AssumeRoleInput{})
				target.observe(t, read)
				setAccessPointPolicy(t, target, x.accessPoint, objectsOf(x.accessPoint).to(x.role.arn))
				return target.attempts(t, read)
			},
		},
	}
}
