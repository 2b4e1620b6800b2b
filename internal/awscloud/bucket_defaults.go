package awscloud

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/cloud"
)

// BucketEncryption reads the default encryption of a bucket; the zero value: it has none
// of its own.
func (c *Cloud) BucketEncryption(ctx context.Context, name string) (cloud.Encryption, error) {
	out, err := c.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: aws.String(name)})
	if err != nil {
		return cloud.Encryption{}, unsetIsFine(failed(err, "reading the encryption of bucket %s", name))
	}
	if out.ServerSideEncryptionConfiguration == nil {
		return cloud.Encryption{}, nil
	}
	var encryption cloud.Encryption
	for _, rule := range out.ServerSideEncryptionConfiguration.Rules {
		if byDefault := rule.ApplyServerSideEncryptionByDefault; byDefault != nil {
			encryption.Algorithm = string(byDefault.SSEAlgorithm)
			encryption.KeyARN = aws.ToString(byDefault.KMSMasterKeyID)
			encryption.BucketKey = aws.ToBool(rule.BucketKeyEnabled)
		}
		if blocked := rule.BlockedEncryptionTypes; blocked != nil {
			encryption.BlocksSSEC = slices.Contains(blocked.EncryptionType, types.EncryptionTypeSseC)
		}
	}
	return encryption, nil
}

// EncryptBucket makes SSE-KMS with the key the default, with a bucket key, and
// refuses SSE-C: an object under a client's own key would be lost to its owner.
// keyARN must be a full ARN; an alias would be resolved in the account of whoever
// writes (facts AWS §6.3).
func (c *Cloud) EncryptBucket(ctx context.Context, name, keyARN string) error {
	_, err := c.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
		Bucket: aws.String(name),
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{
				ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
					SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String(keyARN),
				},
				BucketKeyEnabled:       aws.Bool(true),
				BlockedEncryptionTypes: &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{types.EncryptionTypeSseC}},
			}},
		},
	})
	return failed(err, "encrypting bucket %s by default", name)
}

// BucketOwnership reads who owns the objects of a bucket, and so whether there are ACLs:
// cloud.BucketOwnerEnforced, or another value of AWS; empty: it was never set.
func (c *Cloud) BucketOwnership(ctx context.Context, name string) (string, error) {
	out, err := c.s3.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: aws.String(name)})
	if err != nil {
		return "", unsetIsFine(failed(err, "reading the object ownership of bucket %s", name))
	}
	if out.OwnershipControls == nil || len(out.OwnershipControls.Rules) == 0 {
		return "", nil
	}
	return string(out.OwnershipControls.Rules[0].ObjectOwnership), nil // AWS takes one rule
}

// DisableBucketACLs turns ACLs off.
func (c *Cloud) DisableBucketACLs(ctx context.Context, name string) error {
	_, err := c.s3.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{
		Bucket: aws.String(name),
		OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{
			{ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced},
		}},
	})
	return failed(err, "turning ACLs of bucket %s off", name)
}
