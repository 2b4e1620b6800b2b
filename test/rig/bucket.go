package rig

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/emulator/journal"
)

// root is the account's own user, who may list the bucket but not reach into it.
func (r *Rig) root() *s3.Client {
	key := r.AWS.RootCredentials()
	return s3.New(s3.Options{
		Region: region, BaseEndpoint: aws.String(r.endpoint), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
		HTTPClient:  &http.Client{Transport: r.network}, // or each client had connections of its own
	})
}

// Objects lists the keys in the bucket.
func (r *Rig) Objects(t testing.TB) []string {
	t.Helper()
	out, err := r.root().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{
		Bucket: &r.Installation.BucketName, EncodingType: types.EncodingTypeUrl, // any byte may be in a key
	})
	must(t, err)
	var keys []string
	for _, o := range out.Contents {
		key, err := url.QueryUnescape(aws.ToString(o.Key))
		must(t, err)
		keys = append(keys, key)
	}
	return keys
}

// Uploads lists the keys of unfinished multipart uploads.
func (r *Rig) Uploads(t testing.TB) []string {
	t.Helper()
	out, err := r.root().ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{
		Bucket: &r.Installation.BucketName, EncodingType: types.EncodingTypeUrl, // any byte may be in a key
	})
	must(t, err)
	var keys []string
	for _, u := range out.Uploads {
		key, err := url.QueryUnescape(aws.ToString(u.Key))
		must(t, err)
		keys = append(keys, key)
	}
	return keys
}

// AbortDate is when S3 itself aborts what is unfinished now; zero: never.
func (r *Rig) AbortDate(t testing.TB) time.Time {
	t.Helper()
	out, err := r.root().GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: &r.Installation.BucketName})
	must(t, err)
	for _, rule := range out.Rules {
		if abort := rule.AbortIncompleteMultipartUpload; abort != nil && rule.Status == types.ExpirationStatusEnabled {
			return time.Now().AddDate(0, 0, int(aws.ToInt32(abort.DaysAfterInitiation)))
		}
	}
	return time.Time{}
}

// Calls counts the S3 requests that AWS answered since the last Forget, by operation.
func (r *Rig) Calls() map[string]int {
	calls := map[string]int{}
	for _, e := range r.AWS.Journal().Entries(journal.Filter{Service: "s3"}) {
		calls[e.Operation]++
	}
	return calls
}

// Forget empties the journal that Calls counts.
func (r *Rig) Forget() { r.AWS.Journal().Clear() }
