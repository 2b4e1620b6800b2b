package wire

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ownBucket is a bucket of an organization's own, and the role that leads into it.
type ownBucket struct {
	name   string
	role   string // its ARN
	trusts string // the policy that lets the installation in
	id     string // what the role asks for, the external id

	iam *iam.Client
}

// ownBucket makes one as an administrator of the organization does, by what cas-backend
// external-id shows (docs/own-buckets.md).
func (s site) ownBucket(t *testing.T) ownBucket {
	t.Helper()
	account := aws.Config{
		Region: daemon.AWS.Region, BaseEndpoint: &daemon.AWS.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(daemon.AWS.AccessKeyID, daemon.AWS.SecretAccessKey, ""),
	}
	b := ownBucket{name: "own-" + s.name, iam: iam.NewFromConfig(account)}
	told := s.admin.must(t, "managedcas.v1.OwnBucketService/Describe", text(1, b.name))
	b.id, b.trusts = told.text(1), told.text(5)
	permissions := told.text(6)
	if _, err := s3.NewFromConfig(account).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b.name}); err != nil {
		t.Fatal(err)
	}
	made, err := b.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &b.name, Path: aws.String("/customer/"), AssumeRolePolicyDocument: &b.trusts})
	if err != nil {
		t.Fatal(err)
	}
	b.role = *made.Role.Arn
	if _, err := b.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &b.name, PolicyName: aws.String("artifacts"), PolicyDocument: &permissions}); err != nil {
		t.Fatal(err)
	}
	return b
}

// trust gives the role another trust policy.
func (b ownBucket) trust(t *testing.T, policy string) {
	t.Helper()
	if _, err := b.iam.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: &b.name, PolicyDocument: &policy}); err != nil {
		t.Fatal(err)
	}
}
