package tenancy

import "github.com/managedcas/managedcas/internal/iam"

// KeyPolicy returns the policy of the KMS key. The account's administrators manage
// the key, the base role and the backend use it through S3 for this bucket, and
// none of the installation's roles uses it in any other way.
func (in Installation) KeyPolicy() *iam.Document {
	return document(
		// Delegates to IAM, and keeps the key manageable, but leaves out encryption,
		// decryption and grants: an administrator's "kms:*" does not read artifacts.
		iam.Statement{
			Sid:        "AccountManagesKey",
			Effect:     iam.Allow,
			Principals: principals(in.RootARN()),
			Actions: []string{
				"kms:Describe*", "kms:List*", "kms:Get*", "kms:Put*", "kms:Update*",
				"kms:Enable*", "kms:Disable*", "kms:RotateKeyOnDemand",
				"kms:CreateAlias", "kms:DeleteAlias", "kms:TagResource", "kms:UntagResource",
				"kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
			},
			Resources: []string{"*"},
		},
		iam.Statement{
			Sid:        "SessionsUseKeyThroughS3",
			Effect:     iam.Allow,
			Principals: principals(in.BaseRoleARN()),
			Actions:    keyActions(),
			Resources:  []string{"*"},
			// With Bucket Keys the context is the bucket for every organization; without,
			// the tag keeps a session to its own objects.
			Conditions: append(in.throughS3(), when("StringLike", keyContext,
				in.BucketARN(), in.BucketARN()+"/"+tagged+"/*")),
		},
		// The operator's guide grants the backend the key. It never touches an object
		// itself, and the bucket policy would not let it.
		iam.Statement{
			Sid:        "BackendUsesKeyThroughS3",
			Effect:     iam.Allow,
			Principals: principals(in.BackendRoleARN()),
			Actions:    keyActions(),
			Resources:  []string{"*"},
			Conditions: append(in.throughS3(), when("StringEquals", keyContext, in.BucketARN())),
		},
		iam.Statement{
			Sid:        "BackendChecksKey",
			Effect:     iam.Allow,
			Principals: principals(in.BackendRoleARN()),
			Actions:    []string{"kms:DescribeKey"},
			Resources:  []string{"*"},
		},
		// Stolen credentials are no use against KMS itself. A call that does not come
		// through a service has no kms:ViaService, which satisfies the negated operator.
		iam.Statement{
			Sid:        "DenyKeyUseOutsideS3",
			Effect:     iam.Deny,
			Principals: everyone(),
			Actions:    []string{"kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant"},
			Resources:  []string{"*"},
			Conditions: []iam.Condition{
				when("ArnEquals", "aws:PrincipalArn", append([]string{in.BaseRoleARN()}, in.WorkloadRoleARNs()...)...),
				when("StringNotEquals", "kms:ViaService", in.viaS3()...),
			},
		},
	)
}

func (in Installation) throughS3() []iam.Condition {
	return []iam.Condition{
		when("StringEquals", "kms:ViaService", in.viaS3()...),
		when("StringEquals", "kms:CallerAccount", in.AccountID),
	}
}
