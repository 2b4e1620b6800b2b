package awscloud

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/purge"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Purge implements purge.Storage: the organization's objects in the bucket itself, by a
// session of the purge role. It makes no request, and its sessions renew themselves.
func (c *Cloud) Purge(in tenancy.Installation, t tenancy.Tenant) purge.Objects {
	role := stscreds.NewAssumeRoleProvider(c.sts, in.PurgeRoleARN(), func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = t.PurgeSessionName()
		for key, value := range t.PurgeSessionTags() {
			o.Tags = append(o.Tags, ststypes.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
	})
	return &purgedObjects{
		s3: s3.NewFromConfig(c.base, s3Options, func(o *s3.Options) {
			o.Credentials = aws.NewCredentialsCache(role)
		}),
		bucket: in.BucketName,
		prefix: t.KeyPrefix(),
	}
}

type purgedObjects struct {
	s3             *s3.Client
	bucket, prefix string
}

// Versions implements purge.Objects.
func (o *purgedObjects) Versions(ctx context.Context) ([]cloud.ObjectVersion, error) {
	out, err := o.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{
		Bucket: aws.String(o.bucket), Prefix: aws.String(o.prefix), EncodingType: types.EncodingTypeUrl,
	})
	if err != nil {
		return nil, failed(err, "listing the versions of %q", o.prefix)
	}
	var versions []cloud.ObjectVersion
	add := func(key, version *string, size int64) error {
		decoded, err := url.QueryUnescape(aws.ToString(key))
		if err != nil {
			return fmt.Errorf("%w: listing the versions of %q: the key %q: %w", cloud.ErrUnavailable, o.prefix, aws.ToString(key), err)
		}
		versions = append(versions, cloud.ObjectVersion{Key: decoded, VersionID: aws.ToString(version), Size: size})
		return nil
	}
	var errs []error
	for _, v := range out.Versions {
		errs = append(errs, add(v.Key, v.VersionId, aws.ToInt64(v.Size)))
	}
	for _, m := range out.DeleteMarkers {
		errs = append(errs, add(m.Key, m.VersionId, 0))
	}
	return versions, errors.Join(errs...)
}

// Delete implements purge.Objects. Keys that XML cannot carry are deleted one by one: in
// a batch they would be other keys.
func (o *purgedObjects) Delete(ctx context.Context, versions []cloud.ObjectVersion) (gone []cloud.ObjectVersion, err error) {
	var batch []cloud.ObjectVersion
	var failures []error
	for _, v := range versions {
		if inXML(v.Key) {
			batch = append(batch, v)
			continue
		}
		_, err := o.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(o.bucket), Key: aws.String(v.Key), VersionId: aws.String(v.VersionID)})
		if err != nil {
			failures = append(failures, failed(err, "deleting %q", v.Key))
			continue
		}
		gone = append(gone, v)
	}
	deleted, err := o.deleteBatch(ctx, batch)
	return append(gone, deleted...), errors.Join(append(failures, err)...)
}

// shownFailures bounds an error that may be about a thousand keys.
const shownFailures = 3

func (o *purgedObjects) deleteBatch(ctx context.Context, batch []cloud.ObjectVersion) (gone []cloud.ObjectVersion, err error) {
	if len(batch) == 0 {
		return nil, nil
	}
	ids := make([]types.ObjectIdentifier, len(batch))
	for i, v := range batch {
		ids[i] = types.ObjectIdentifier{Key: aws.String(v.Key), VersionId: aws.String(v.VersionID)}
	}
	out, err := o.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: aws.String(o.bucket), Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)},
	})
	if err != nil {
		return nil, failed(err, "deleting %d objects under %q", len(batch), o.prefix)
	}
	// Quiet: only what failed is told, key by key, in an answer of status 200.
	type version struct{ key, id string }
	kept := map[version]bool{}
	var failures []error
	for i, e := range out.Errors {
		kept[version{aws.ToString(e.Key), aws.ToString(e.VersionId)}] = true
		if i < shownFailures {
			code := aws.ToString(e.Code)
			failures = append(failures, &Error{Op: fmt.Sprintf("deleting %q", aws.ToString(e.Key)), Outcome: outcome(code, 0), Code: code, Message: aws.ToString(e.Message)})
		}
	}
	if len(kept) > shownFailures {
		failures = append(failures, fmt.Errorf("and %d more", len(kept)-shownFailures))
	}
	for _, v := range batch {
		asked := version{v.Key, v.VersionID}
		if !kept[asked] {
			gone = append(gone, v)
		}
		delete(kept, asked)
	}
	if len(kept) > 0 { // a failure that names nothing of the batch may be about any of it
		gone = nil
	}
	return gone, errors.Join(failures...)
}

// inXML reports whether a key survives XML 1.0 (W3C, §2.2) as encoders write it: control
// characters, U+FFFD, which stands for what was not UTF-8, and the two noncharacters do not.
func inXML(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool { return unicode.IsControl(r) || r >= 0xfffd && r <= 0xffff })
}

// Abort implements purge.Objects.
func (o *purgedObjects) Abort(ctx context.Context, key, id string) error {
	_, err := o.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: aws.String(o.bucket), Key: aws.String(key), UploadId: aws.String(id),
	})
	return failed(err, "aborting the upload of %q", key)
}
