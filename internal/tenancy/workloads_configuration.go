package tenancy

import "github.com/managedcas/managedcas/internal/iam"

// readsConfiguration lets the backend see how its own installation is configured, and
// nobody else's: with it `managedcasd doctor` can tell from a pod what is wrong. It reads
// no artifact and changes nothing. What the role's unique id is for is part of every access
// point policy, so that iam:GetRole on the base role is more than a diagnosis.
//
// The names of the actions are not those of the calls: GetBucketEncryption is
// s3:GetEncryptionConfiguration, GetBucketLifecycleConfiguration is
// s3:GetLifecycleConfiguration, GetPublicAccessBlock is s3:GetBucketPublicAccessBlock
// (service authorization reference of Amazon S3).
func (in Installation) readsConfiguration() []iam.Statement {
	return []iam.Statement{
		{
			Sid:    "ReadRoles",
			Effect: iam.Allow,
			Actions: []string{
				"iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies",
			},
			Resources: append([]string{in.BaseRoleARN()}, in.WorkloadRoleARNs()...),
		},
		{
			Sid:       "ReadKey",
			Effect:    iam.Allow,
			Actions:   []string{"kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus"},
			Resources: []string{in.KMSKeyARN},
		},
		{
			Sid:    "ReadBucketConfiguration",
			Effect: iam.Allow,
			Actions: []string{
				"s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketOwnershipControls",
				"s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetBucketLocation",
			},
			Resources: []string{in.BucketARN()},
		},
	}
}
