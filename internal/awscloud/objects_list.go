package awscloud

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
)

// List implements cas.Lister. Keys travel percent-encoded: any byte may be in one, and XML
// cannot have them all.
func (o *Objects) List(ctx context.Context, prefix, after string) ([]cas.ListedObject, bool, error) {
	in := &s3.ListObjectsV2Input{Bucket: aws.String(o.accessPoint), Prefix: aws.String(prefix), EncodingType: types.EncodingTypeUrl}
	if after != "" {
		in.StartAfter = aws.String(after)
	}
	out, err := o.s3.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, false, failedObject(err, "listing %q", prefix)
	}
	page := make([]cas.ListedObject, len(out.Contents))
	for i, object := range out.Contents {
		key, err := url.QueryUnescape(aws.ToString(object.Key))
		if err != nil {
			return nil, false, fmt.Errorf("%w: listing %q: the key %q: %w", cloud.ErrUnavailable, prefix, aws.ToString(object.Key), err)
		}
		page[i] = cas.ListedObject{Key: key, Size: aws.ToInt64(object.Size), StoredAt: aws.ToTime(object.LastModified)}
	}
	return page, aws.ToBool(out.IsTruncated), nil
}
