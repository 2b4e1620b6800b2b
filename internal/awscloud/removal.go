package awscloud

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/internal/cloud"
)

// BucketContents counts what is in a bucket itself, up to about atMost of all. Who counts
// needs s3:ListBucketVersions and s3:ListBucketMultipartUploads, which the bucket policy
// denies to everybody but the operators that it names.
func (c *Cloud) BucketContents(ctx context.Context, name string, atMost int) (cloud.Contents, error) {
	var found cloud.Contents
	list, before := s3.NewListObjectVersionsPaginator(c.s3, &s3.ListObjectVersionsInput{Bucket: aws.String(name)}), [2]string{}
	for list.HasMorePages() {
		page, err := list.NextPage(ctx)
		if err != nil {
			return found, failed(err, "listing the versions in bucket %s", name)
		}
		found.Versions += len(page.Versions)
		found.DeleteMarkers += len(page.DeleteMarkers)
		next := [2]string{aws.ToString(page.NextKeyMarker), aws.ToString(page.NextVersionIdMarker)}
		if aws.ToBool(page.IsTruncated) && next == before {
			return found, fmt.Errorf("%w: listing the versions in bucket %s: a page leads back to itself", cloud.ErrUnavailable, name)
		}
		before = next
		if found.Versions+found.DeleteMarkers >= atMost {
			found.More = aws.ToBool(page.IsTruncated)
			break
		}
	}
	// One page of a thousand tells that there are some, which is what is asked.
	uploads, err := c.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: aws.String(name)})
	if err != nil {
		return found, failed(err, "listing the unfinished uploads to bucket %s", name)
	}
	found.Uploads = len(uploads.Uploads)
	found.More = found.More || aws.ToBool(uploads.IsTruncated)
	return found, nil
}

// DeleteBucket deletes an empty bucket with all its settings. One that is gone already is
// no error.
func (c *Cloud) DeleteBucket(ctx context.Context, name string) error {
	_, err := c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(name), ExpectedBucketOwner: aws.String(c.accountID)})
	return absentIsFine(failed(err, "deleting bucket %s", name))
}

// DeleteRolePolicy deletes an inline policy of a role. One that is gone already is no error.
func (c *Cloud) DeleteRolePolicy(ctx context.Context, role, name string) error {
	_, err := c.iam.DeleteRolePolicy(ctx, &awsiam.DeleteRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String(name)})
	return absentIsFine(failed(err, "deleting policy %s of role %s", name, role))
}

// DeleteRole deletes a role that nothing is attached to. One that is gone already is no
// error.
func (c *Cloud) DeleteRole(ctx context.Context, name string) error {
	_, err := c.iam.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: aws.String(name)})
	return absentIsFine(failed(err, "deleting role %s", name))
}

// ScheduleKeyDeletion has KMS delete a key after days (7 to 30), from now on unusable, and
// returns when.
func (c *Cloud) ScheduleKeyDeletion(ctx context.Context, keyARN string, days int) (time.Time, error) {
	out, err := c.kms.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{
		KeyId: aws.String(keyARN), PendingWindowInDays: aws.Int32(int32(days)),
	})
	if err != nil {
		return time.Time{}, failed(err, "scheduling the deletion of KMS key %s", keyARN)
	}
	return aws.ToTime(out.DeletionDate), nil
}
