package awscloud

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/internal/iam"
)

// BucketPolicy reads the policy of a bucket; nil: it has none.
func (c *Cloud) BucketPolicy(ctx context.Context, name string) ([]byte, error) {
	out, err := c.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(name)})
	if err != nil {
		return nil, unsetIsFine(failed(err, "reading the policy of bucket %s", name))
	}
	return []byte(aws.ToString(out.Policy)), nil
}

// PutBucketPolicy replaces the policy of a bucket.
func (c *Cloud) PutBucketPolicy(ctx context.Context, name string, policy *iam.Document) error {
	text, err := json.Marshal(policy)
	if err != nil {
		return failed(err, "writing the policy of bucket %s", name)
	}
	_, err = c.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
		Bucket: aws.String(name), Policy: aws.String(string(text)),
	})
	return failed(err, "replacing the policy of bucket %s", name)
}
