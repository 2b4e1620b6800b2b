package s3api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// AWS's own client works with versions through an access point, copies between them
// and understands every answer.
func TestSDKVersions(t *testing.T) {
	t.Parallel()
	cfg, ap := start(t)
	c, ctx, key := sdk.NewFromConfig(cfg), t.Context(), aws.String("org/sha256:a b+c?d")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{
		Bucket: aws.String(bucket), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	must(err)
	b := ap.AccessPointArn
	one, err := c.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: key, Body: strings.NewReader("one"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	must(err)
	_, err = c.PutObject(ctx, &sdk.PutObjectInput{Bucket: b, Key: key, Body: strings.NewReader("two"), IfMatch: one.ETag})
	must(err)
	hidden, err := c.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: b, Key: key})
	must(err)
	if !aws.ToBool(hidden.DeleteMarker) || aws.ToString(hidden.VersionId) == "" {
		t.Errorf("delete: %+v", hidden)
	}
	list, err := c.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: b, Prefix: aws.String("org/")})
	must(err)
	if len(list.Versions) != 2 || len(list.DeleteMarkers) != 1 || aws.ToString(list.Versions[1].VersionId) != *one.VersionId ||
		!aws.ToBool(list.DeleteMarkers[0].IsLatest) || aws.ToString(list.Versions[0].Key) != *key {
		t.Errorf("list: %+v", list)
	}
	// The SDK wants the source percent-encoded.
	source := *b + "/object/org/sha256:a%20b+c%3Fd?versionId=" + *one.VersionId
	copied, err := c.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: b, Key: key, CopySource: &source, IfNoneMatch: aws.String("*")})
	must(err)
	if aws.ToString(copied.CopySourceVersionId) != *one.VersionId || aws.ToString(copied.CopyObjectResult.ETag) != *one.ETag ||
		aws.ToString(copied.CopyObjectResult.ChecksumSHA256) != *one.ChecksumSHA256 {
		t.Errorf("copy: %+v", copied)
	}
	attributes, err := c.GetObjectAttributes(ctx, &sdk.GetObjectAttributesInput{
		Bucket: b, Key: key, ObjectAttributes: types.ObjectAttributes("").Values(),
	})
	must(err)
	if aws.ToInt64(attributes.ObjectSize) != 3 || aws.ToString(attributes.Checksum.ChecksumSHA256) != *one.ChecksumSHA256 ||
		`"`+aws.ToString(attributes.ETag)+`"` != *one.ETag || aws.ToString(attributes.VersionId) != *copied.VersionId {
		t.Errorf("attributes: %+v", attributes)
	}
	var every []types.ObjectIdentifier
	list, err = c.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: b})
	must(err)
	for _, v := range list.Versions {
		every = append(every, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, m := range list.DeleteMarkers {
		every = append(every, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
	}
	deleted, err := c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: b, Delete: &types.Delete{Objects: every}})
	must(err)
	if len(deleted.Deleted) != 4 || len(deleted.Errors) != 0 {
		t.Errorf("delete: %+v", deleted)
	}
}

// Presigned URLs of every method that stock clients presign.
func TestSDKPresignedMethods(t *testing.T) {
	t.Parallel()
	cfg, ap := start(t)
	presign, ctx, key := sdk.NewPresignClient(sdk.NewFromConfig(cfg)), t.Context(), aws.String("k")
	put, err := presign.PresignPutObject(ctx, &sdk.PutObjectInput{Bucket: ap.AccessPointArn, Key: key, IfNoneMatch: aws.String("*")})
	if err != nil {
		t.Fatal(err)
	}
	get, err := presign.PresignGetObject(ctx, &sdk.GetObjectInput{Bucket: ap.AccessPointArn, Key: key, Range: aws.String("bytes=1-2")})
	if err != nil {
		t.Fatal(err)
	}
	head, err := presign.PresignHeadObject(ctx, &sdk.HeadObjectInput{Bucket: ap.AccessPointArn, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, url, body string, header http.Header) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range header {
			if name != "Host" && name != "Content-Length" {
				r.Header[name] = values
			}
		}
		res, err := cfg.HTTPClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(raw)
	}
	for _, tc := range []struct {
		name, method, url, body string
		header                  http.Header
		status                  int
		want                    string
	}{
		{"head of nothing", head.Method, head.URL, "", head.SignedHeader, 404, ""},
		{"put", put.Method, put.URL, "hello", put.SignedHeader, 200, ""},
		{"put again", put.Method, put.URL, "other", put.SignedHeader, 412, ""},
		{"get a range", get.Method, get.URL, "", get.SignedHeader, 206, "el"},
		{"head", head.Method, head.URL, "", head.SignedHeader, 200, ""},
		{"another method", http.MethodDelete, get.URL, "", get.SignedHeader, 403, ""},
	} {
		status, body := send(tc.method, tc.url, tc.body, tc.header)
		if status != tc.status || tc.want != "" && body != tc.want {
			t.Errorf("%s: %d %q", tc.name, status, body)
		}
	}
}
