package awscloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/cloud"
)

// uploadRule is the lifecycle rule that this project owns.
const uploadRule = "managedcas-abort-incomplete-uploads"

// BucketLifecycle reads the lifecycle rules of a bucket.
func (c *Cloud) BucketLifecycle(ctx context.Context, bucket string) ([]cloud.LifecycleRule, error) {
	read, err := c.lifecycle(ctx, bucket)
	if err != nil {
		return nil, err
	}
	var rules []cloud.LifecycleRule
	for _, rule := range read.Rules {
		translated, err := lifecycleRule(rule)
		if err != nil {
			return nil, failed(err, "reading the lifecycle of bucket %s", bucket)
		}
		rules = append(rules, translated)
	}
	return rules, nil
}

// AbortIncompleteUploads has S3 remove the parts of uploads that are unfinished days
// after they began. Rules that others made stay, with the least size of what they move to
// another storage class; S3 can only replace all at once.
func (c *Cloud) AbortIncompleteUploads(ctx context.Context, bucket string, days int) error {
	have, err := c.lifecycle(ctx, bucket)
	if err != nil {
		return err
	}
	own := types.LifecycleRule{
		ID:     aws.String(uploadRule),
		Status: types.ExpirationStatusEnabled,
		Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{
			DaysAfterInitiation: aws.Int32(int32(days)),
		},
	}
	merged := []types.LifecycleRule{own}
	for _, rule := range have.Rules {
		if aws.ToString(rule.ID) != uploadRule {
			merged = append(merged, rule)
		}
	}
	_, err = c.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket:                             aws.String(bucket),
		LifecycleConfiguration:             &types.BucketLifecycleConfiguration{Rules: merged},
		TransitionDefaultMinimumObjectSize: have.TransitionDefaultMinimumObjectSize,
	})
	return failed(err, "setting the lifecycle of bucket %s", bucket)
}

// lifecycle reads the rules of a bucket; one that was never told has none.
func (c *Cloud) lifecycle(ctx context.Context, bucket string) (*s3.GetBucketLifecycleConfigurationOutput, error) {
	out, err := c.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: aws.String(bucket)})
	if err != nil {
		return &s3.GetBucketLifecycleConfigurationOutput{}, unsetIsFine(failed(err, "reading the lifecycle of bucket %s", bucket))
	}
	return out, nil
}
