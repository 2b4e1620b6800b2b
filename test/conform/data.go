package conform

import (
	"bytes"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// store writes objects that hold their own keys.
func store(t *testing.T, client *s3.Client, bucket string, keys ...string) (etag string) {
	t.Helper()
	for _, key := range keys {
		out := must(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(key)}))(t)
		etag = *out.ETag
	}
	return etag
}

// conditionalRequests: RFC 9110 §13 as S3 applies it
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-reads.html,
// conditional-writes.html).
func conditionalRequests(t *testing.T, target Target) {
	client, bucket := s3.NewFromConfig(target.Config), newBucket(t, target)
	etag := store(t, client, bucket, "k")
	wrong := aws.String(`"00000000000000000000000000000000"`)
	get := func(in s3.GetObjectInput) func() error {
		in.Bucket, in.Key = &bucket, aws.String("k")
		return func() error {
			out, err := client.GetObject(t.Context(), &in)
			if err == nil {
				_ = out.Body.Close()
			}
			return err
		}
	}
	put := func(key string, in s3.PutObjectInput) func() error {
		in.Bucket, in.Key = &bucket, &key
		return func() error {
			in.Body = strings.NewReader("new")
			return failure(client.PutObject(t.Context(), &in))
		}
	}
	before := aws.Time(time.Now().Add(-time.Hour))
	target.allowed(t, "GET if it is this", get(s3.GetObjectInput{IfMatch: &etag}))
	target.refused(t, "GET if it is another", 412, "PreconditionFailed", get(s3.GetObjectInput{IfMatch: wrong}))
	target.refused(t, "GET if it is not this", 304, "", get(s3.GetObjectInput{IfNoneMatch: &etag}))
	target.allowed(t, "GET if it is not another", get(s3.GetObjectInput{IfNoneMatch: wrong}))
	target.allowed(t, "GET if it changed within the hour", get(s3.GetObjectInput{IfModifiedSince: before}))
	target.refused(t, "GET if it did not", 412, "PreconditionFailed", get(s3.GetObjectInput{IfUnmodifiedSince: before}))
	target.allowed(t, "an ETag counts for more than a date", get(s3.GetObjectInput{IfMatch: &etag, IfUnmodifiedSince: before}))
	target.refused(t, "also when it matches not to", 304, "", get(s3.GetObjectInput{IfNoneMatch: &etag, IfModifiedSince: before}))

	target.refused(t, "PUT if there is none", 412, "PreconditionFailed", put("k", s3.PutObjectInput{IfNoneMatch: aws.String("*")}))
	target.refused(t, "PUT if it is another", 412, "PreconditionFailed", put("k", s3.PutObjectInput{IfMatch: wrong}))
	target.refused(t, "PUT if nothing is this", 404, "NoSuchKey", put("none", s3.PutObjectInput{IfMatch: wrong}))
	target.refused(t, "PUT if it is none of some", 501, "NotImplemented", put("k", s3.PutObjectInput{IfNoneMatch: wrong}))
	target.allowed(t, "PUT if it is this", put("k", s3.PutObjectInput{IfMatch: &etag}))
	target.allowed(t, "PUT if there is none, and there is none", put("free", s3.PutObjectInput{IfNoneMatch: aws.String("*")}))
}

// ranges: RFC 9110 §14 (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html:
// one range; what is not a range of bytes is ignored).
func ranges(t *testing.T, target Target) {
	client, bucket := s3.NewFromConfig(target.Config), newBucket(t, target)
	const data = "0123456789"
	store(t, client, bucket, data) // its content is its key
	for asked, want := range map[string]string{
		"bytes=0-0": "0", "bytes=2-4": "234", "bytes=7-": "789", "bytes=-3": "789", "bytes=5-99": "56789", "bytes=-99": data,
		"bytes=4-2": data, "lines=1-2": data, "bytes=a-b": data,
	} {
		got := must(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(data), Range: &asked}))(t)
		if body := content(t, got.Body); body != want {
			t.Errorf("%s: %q, want %q", asked, body, want)
		}
		if partial := got.ContentRange != nil; partial != strings.HasPrefix(asked, "bytes=") && want != data {
			t.Errorf("%s: content range %v", asked, aws.ToString(got.ContentRange))
		}
	}
	for _, beyond := range []string{"bytes=10-", "bytes=10-20", "bytes=-0"} {
		target.refused(t, beyond, 416, "InvalidRange", func() error {
			return failure(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(data), Range: &beyond}))
		})
	}
}

// lists: order, pages, groups and names that XML cannot hold
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
func lists(t *testing.T, target Target) {
	client, bucket := s3.NewFromConfig(target.Config), newBucket(t, target)
	all := []string{"a", "a b+c%2F", "a/", "a//x", "a/1", "a/2/3", "b", "tab\there", "ä", "漢"}
	store(t, client, bucket, all...)
	slices.Sort(all) // UTF-8 order is S3's
	list := func(in s3.ListObjectsV2Input) (keys, prefixes []string, pages int) {
		t.Helper()
		in.Bucket, in.EncodingType = &bucket, types.EncodingTypeUrl
		decode := func(text *string) string { return must(url.QueryUnescape(*text))(t) } // the SDK for Go leaves it to its caller
		p := s3.NewListObjectsV2Paginator(client, &in)
		for p.HasMorePages() {
			out := must(p.NextPage(t.Context()))(t)
			pages++
			for _, o := range out.Contents {
				keys = append(keys, decode(o.Key))
			}
			for _, c := range out.CommonPrefixes {
				prefixes = append(prefixes, decode(c.Prefix))
			}
		}
		return keys, prefixes, pages
	}
	for _, tc := range []struct {
		name           string
		in             s3.ListObjectsV2Input
		keys, prefixes []string
		pages          int
	}{
		{"all", s3.ListObjectsV2Input{}, all, nil, 1},
		{"pages of three", s3.ListObjectsV2Input{MaxKeys: aws.Int32(3)}, all, nil, 4},
		{"grouped", s3.ListObjectsV2Input{Delimiter: aws.String("/")}, []string{"a", "a b+c%2F", "b", "tab\there", "ä", "漢"}, []string{"a/"}, 1},
		{"grouped in pages of one", s3.ListObjectsV2Input{Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)}, []string{"a", "a b+c%2F", "b", "tab\there", "ä", "漢"}, []string{"a/"}, 7},
		{"below a prefix", s3.ListObjectsV2Input{Prefix: aws.String("a/"), Delimiter: aws.String("/")}, []string{"a/", "a/1"}, []string{"a//", "a/2/"}, 1},
		{"after a key", s3.ListObjectsV2Input{StartAfter: aws.String("b")}, []string{"tab\there", "ä", "漢"}, nil, 1},
		{"a prefix of nothing", s3.ListObjectsV2Input{Prefix: aws.String("zz")}, nil, nil, 1},
	} {
		keys, prefixes, pages := list(tc.in)
		if !slices.Equal(keys, tc.keys) || !slices.Equal(prefixes, tc.prefixes) || pages != tc.pages {
			t.Errorf("%s: %q and %q in %d pages, want %q and %q in %d", tc.name, keys, prefixes, pages, tc.keys, tc.prefixes, tc.pages)
		}
	}
	none := must(client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, MaxKeys: aws.Int32(0)}))(t)
	if len(none.Contents) != 0 || aws.ToBool(none.IsTruncated) {
		t.Errorf("none asked for: %d, truncated %v", len(none.Contents), aws.ToBool(none.IsTruncated))
	}
	target.refused(t, "a token that was never given", 400, "InvalidArgument", func() error {
		return failure(client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, ContinuationToken: aws.String("%")}))
	})
}

// multipartUploads: order and size of parts, and the end of an upload
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).
func multipartUploads(t *testing.T, target Target) {
	client, bucket := s3.NewFromConfig(target.Config), newBucket(t, target)
	begin := func(key string) *string {
		return must(client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
			Bucket: &bucket, Key: &key, ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		}))(t).UploadId
	}
	part := func(key string, id *string, n int32, data string) types.CompletedPart {
		out := must(client.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: &bucket, Key: &key, UploadId: id, PartNumber: &n, Body: strings.NewReader(data), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		}))(t)
		return types.CompletedPart{PartNumber: &n, ETag: out.ETag, ChecksumSHA256: out.ChecksumSHA256}
	}
	end := func(key string, id *string, ifNone *string, parts ...types.CompletedPart) (*s3.CompleteMultipartUploadOutput, error) {
		return client.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
			Bucket: &bucket, Key: &key, UploadId: id, IfNoneMatch: ifNone, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
	least := strings.Repeat("0123456789abcdef", 5<<20/16)
	id := begin("k")
	small, second, first := part("k", id, 3, "small"), part("k", id, 2, "end"), part("k", id, 1, least)
	refuse := func(what string, status int, code string, parts ...types.CompletedPart) {
		t.Helper()
		target.refused(t, what, status, code, func() error { return failure(end("k", id, nil, parts...)) })
	}
	refuse("a part too small", 400, "EntityTooSmall", first, second, small)
	refuse("parts in disorder", 400, "InvalidPartOrder", second, first)
	refuse("a part that was not sent", 400, "InvalidPart", first, types.CompletedPart{PartNumber: aws.Int32(9), ETag: first.ETag, ChecksumSHA256: first.ChecksumSHA256})
	done := must(end("k", id, nil, first, second))(t)
	if sum := aws.ToString(done.ChecksumSHA256); !strings.HasSuffix(sum, "-2") || !strings.HasSuffix(aws.ToString(done.ETag), `-2"`) {
		t.Errorf("checksum %s, ETag %s: a SHA-256 of parts is one of their digests", sum, aws.ToString(done.ETag))
	}
	got := must(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("k")}))(t)
	if body := content(t, got.Body); body != least+"end" {
		t.Errorf("%d bytes came back", len(body))
	}

	id = begin("k")
	only := part("k", id, 1, "other")
	target.refused(t, "completing over an object, if there is none", 412, "PreconditionFailed", func() error { return failure(end("k", id, aws.String("*"), only)) })
	abort := func() error {
		return failure(client.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: aws.String("k"), UploadId: id}))
	}
	target.allowed(t, "aborting", abort)
	refuse("completing what was aborted", 404, "NoSuchUpload", only)
	if left := must(client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket}))(t); len(left.Uploads) != 0 {
		t.Errorf("%d uploads are left", len(left.Uploads))
	}
}

// buckets: their names, their end, and what is not there
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html;
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
func buckets(t *testing.T, target Target) {
	client, bucket := s3.NewFromConfig(target.Config), newBucket(t, target)
	store(t, client, bucket, "k")
	on := func(call func(bucket, key *string) error, bucket, key string) func() error {
		return func() error { return call(&bucket, &key) }
	}
	get := func(bucket, key *string) error {
		return failure(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key}))
	}
	head := func(bucket, key *string) error {
		return failure(client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: key}))
	}
	remove := func(bucket, key *string) error {
		return failure(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key}))
	}
	target.refused(t, "GET of nothing", 404, "NoSuchKey", on(get, bucket, "none"))
	target.refused(t, "HEAD of nothing", 404, "NotFound", on(head, bucket, "none"))
	target.allowed(t, "DELETE of nothing", on(remove, bucket, "none"))
	target.refused(t, "GET from no bucket", 404, "NoSuchBucket", on(get, target.name("none"), "k"))
	target.refused(t, "a key of 1,025 bytes", 400, "KeyTooLongError", on(get, bucket, strings.Repeat("ä", 512)+"x"))
	target.refused(t, "deleting a bucket that holds something", 409, "BucketNotEmpty", func() error {
		return failure(client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket}))
	})
	target.refused(t, "no policy", 404, "NoSuchBucketPolicy", func() error {
		return failure(client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket}))
	})
	target.refused(t, "a public policy", 403, "AccessDenied", func() error {
		return failure(client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{
			Bucket: &bucket, Policy: document(t, allow("arn:aws:s3:::"+bucket+"/*", "s3:GetObject").to("*")),
		}))
	})
	target.refused(t, "a policy on another bucket", 400, "MalformedPolicy", func() error {
		return failure(client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{
			Bucket: &bucket, Policy: document(t, allow("arn:aws:s3:::other-"+bucket+"/*", "s3:GetObject").to(target.AdministratorARN)),
		}))
	})
	target.refused(t, "ACLs in a bucket without them", 400, "AccessControlListNotSupported", func() error {
		return failure(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), ACL: types.ObjectCannedACLPublicRead, Body: bytes.NewReader(nil)}))
	})
	deleted := must(client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("k")}, {Key: aws.String("none")}},
	}}))(t)
	if len(deleted.Deleted) != 2 || len(deleted.Errors) != 0 {
		t.Errorf("DeleteObjects: %+v", deleted)
	}
	if err := on(get, bucket, "k")(); !isNoSuchKey(err) {
		t.Errorf("GET of what was deleted: %v", err)
	}
}

func isNoSuchKey(err error) bool {
	_, ok := errors.AsType[*types.NoSuchKey](err)
	return ok
}
