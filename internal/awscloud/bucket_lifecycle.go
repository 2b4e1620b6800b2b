package awscloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// uploadRule is the lifecycle rule that this project owns.
const uploadRule = "managedcas-abort-incomplete-uploads"

// incompleteUploadDays reads after how many days unfinished uploads of the whole
// bucket are removed, by whatever rule; 0: never.
func (c *Cloud) incompleteUploadDays(ctx context.Context, bucket string) (int, error) {
	have, err := c.lifecycle(ctx, bucket)
	if err != nil {
		return 0, err
	}
	days := 0
	for _, rule := range have.Rules {
		abort := rule.AbortIncompleteMultipartUpload
		if abort == nil || rule.Status != types.ExpirationStatusEnabled || !wholeBucket(rule) {
			continue
		}
		if n := int(aws.ToInt32(abort.DaysAfterInitiation)); days == 0 || n < days {
			days = n
		}
	}
	return days, nil
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

func wholeBucket(rule types.LifecycleRule) bool {
	f := rule.Filter
	switch {
	case f == nil:
		//lint:ignore SA1019 rules made by older tools still use it
		return aws.ToString(rule.Prefix) == ""
	case f.And != nil || f.Tag != nil || f.ObjectSizeGreaterThan != nil || f.ObjectSizeLessThan != nil:
		return false
	}
	return aws.ToString(f.Prefix) == ""
}
