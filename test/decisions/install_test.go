package decisions_test

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// install puts the documents in force, as the root user. The bucket's comes last:
// what it denies may be what the others need.
func (w *world) install(d *documents) {
	w.t.Helper()
	ctx := w.t.Context()
	w.setTrust(d.trust)
	if d.identity != nil {
		w.setIdentity(d.identity)
	}
	if d.session != nil {
		_, err := w.root.iam().CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("S0"), PolicyDocument: aws.String(d.session.text(w.t))})
		w.must(err)
	}
	for name, doc := range d.ap {
		if doc != nil {
			w.must(w.putAPPolicy(name, doc))
		}
	}
	if d.key != nil {
		// A policy that locks the account out must be possible: row 35 needs one.
		_, err := w.root.kms().PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{
			KeyId: aws.String(w.keyARN), Policy: aws.String(d.key.text(w.t)), BypassPolicyLockoutSafetyCheck: true,
		})
		w.must(err)
	}
	if d.bucket != nil {
		_, err := w.root.s3().PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: aws.String(d.bucket.text(w.t))})
		w.must(err)
	}
}

func (w *world) setTrust(d *document) {
	w.t.Helper()
	_, err := w.root.iam().UpdateAssumeRolePolicy(w.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("T"), PolicyDocument: aws.String(d.text(w.t))})
	w.must(err)
}

func (w *world) setIdentity(d *document) {
	w.t.Helper()
	_, err := w.root.iam().PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("T"), PolicyName: aws.String("I0"), PolicyDocument: aws.String(d.text(w.t)),
	})
	w.must(err)
}

func (w *world) putAPPolicy(ap string, d *document) error {
	_, err := w.root.control().PutAccessPointPolicy(w.t.Context(), &s3control.PutAccessPointPolicyInput{
		AccountId: aws.String(account), Name: aws.String(ap), Policy: aws.String(d.text(w.t)),
	})
	return err
}

func (w *world) user(name string) *actor {
	w.t.Helper()
	_, err := w.root.iam().CreateUser(w.t.Context(), &iam.CreateUserInput{UserName: aws.String(name)})
	w.must(err)
	made, err := w.root.iam().CreateAccessKey(w.t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String(name)})
	w.must(err)
	return w.actor(*made.AccessKey.AccessKeyId, *made.AccessKey.SecretAccessKey, "")
}

func (w *world) attach(user string, d *document) {
	w.t.Helper()
	_, err := w.root.iam().PutUserPolicy(w.t.Context(), &iam.PutUserPolicyInput{
		UserName: aws.String(user), PolicyName: aws.String("own"), PolicyDocument: aws.String(d.text(w.t)),
	})
	w.must(err)
}

// session returns T as the user cas assumes it: named name, with these session
// policies.
func (w *world) session(name string, policyARNs ...string) *actor {
	w.t.Helper()
	in := assumeT(name)
	for _, arn := range policyARNs {
		in.PolicyArns = append(in.PolicyArns, ststypes.PolicyDescriptorType{Arn: aws.String(arn)})
	}
	return w.assume(w.cas, in)
}

func assumeT(name string) *sts.AssumeRoleInput {
	return &sts.AssumeRoleInput{RoleArn: aws.String(roleARN), RoleSessionName: aws.String(name)}
}

func (w *world) assume(by *actor, in *sts.AssumeRoleInput) *actor {
	w.t.Helper()
	got, err := by.sts().AssumeRole(w.t.Context(), in)
	w.must(err)
	c := got.Credentials
	return w.actor(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}
