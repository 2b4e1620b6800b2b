package awscloud

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/session"
)

// bucketOf is what the requests of a session call its bucket.
func bucketOf(s session.Session) string {
	if s.Bucket.Name != "" {
		return s.Bucket.Name
	}
	return s.Tenant.APARN()
}

// inBucket has S3 look for an organization's own bucket where it is, and refuse each
// request unless the account of its role owns it: a name that its owner gave up may be
// anybody's tomorrow
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html).
func inBucket(o *s3.Options, s session.Session) {
	if s.Bucket.Name == "" {
		return
	}
	o.Region = s.Bucket.Region
	o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Amz-Expected-Bucket-Owner", s.Bucket.Account()))
}

// Abort asks S3 to abort an upload in parts that nobody has begun, as a validation does. Who
// may not is refused before the upload is looked for: S3 is not documented to do so, but if it
// did not, nothing would be found out and nothing be harmed.
func (r Reach) Abort(ctx context.Context, bucket, key string) error {
	if err := r.at(bucket).Abort(ctx, key, "none"); !errors.Is(err, cloud.ErrUploadGone) {
		return err
	}
	return nil
}

// Delete removes an object, as a validation does with what it wrote.
func (r Reach) Delete(ctx context.Context, bucket, key string) error {
	_, err := r.objects.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	return failed(err, "deleting %q", key)
}
