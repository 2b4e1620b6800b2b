package conform

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// newBucket makes a bucket, without a policy.
func newBucket(t *testing.T, target Target) string {
	t.Helper()
	client := s3.NewFromConfig(target.Config)
	bucket := target.name("bucket")
	in := s3.CreateBucketInput{Bucket: &bucket}
	if target.Config.Region != "us-east-1" { // which has no name as a location
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(target.Config.Region)}
	}
	must(client.CreateBucket(t.Context(), &in))(t)
	target.cleanup(t, "bucket", func() error {
		ctx := context.WithoutCancel(t.Context())
		pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, o := range page.Contents {
				if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: o.Key}); err != nil {
					return err
				}
			}
		}
		return failure(client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket}))
	})
	return bucket
}

// setPolicy gives the bucket a policy.
func setPolicy(t *testing.T, target Target, bucket string, statements ...statement) {
	t.Helper()
	err := target.eventually(t, func() error {
		return failure(s3.NewFromConfig(target.Config).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: document(t, statements...)}))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// newAccessPoint makes an access point without a policy and returns its ARN.
func newAccessPoint(t *testing.T, target Target, bucket string) (arn string) {
	t.Helper()
	client := s3control.NewFromConfig(target.Config)
	ap := target.name("ap")
	made := must(client.CreateAccessPoint(t.Context(), &s3control.CreateAccessPointInput{
		AccountId: &target.AccountID, Bucket: &bucket, Name: &ap,
	}))(t)
	target.cleanup(t, "access point", func() error {
		_, err := client.DeleteAccessPoint(context.WithoutCancel(t.Context()), &s3control.DeleteAccessPointInput{AccountId: &target.AccountID, Name: &ap})
		if code, _ := answer(err); code == "NoSuchAccessPoint" {
			return nil // a probe found out that it may be deleted
		}
		return err
	})
	return *made.AccessPointArn
}

// nameOf is the last part of an ARN.
func nameOf(arn string) *string {
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	return &name
}

// setAccessPointPolicy gives the access point a policy. A role in it that was just made
// may not be known yet (facts AWS §1.3).
func setAccessPointPolicy(t *testing.T, target Target, arn string, statements ...statement) {
	t.Helper()
	err := target.eventually(t, func() error {
		return failure(s3control.NewFromConfig(target.Config).PutAccessPointPolicy(t.Context(), &s3control.PutAccessPointPolicyInput{
			AccountId: &target.AccountID, Name: nameOf(arn), Policy: document(t, statements...),
		}))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// accessPoints: one role, two access points on one bucket; a session reaches the
// prefix that access point and session policy share, and nothing else.
func accessPoints(t *testing.T, target Target) {
	bucket := newBucket(t, target)
	setPolicy(t, target, bucket, delegation(bucket, target.AccountID, "s3:GetObject", "s3:PutObject"))
	r := newRole(t, target, allow("*", "s3:GetObject", "s3:PutObject"))
	tenant := func(prefix string) string {
		arn := newAccessPoint(t, target, bucket)
		setAccessPointPolicy(t, target, arn, allow(arn+"/object/"+prefix+"/*", "s3:GetObject", "s3:PutObject").to(r.arn))
		return arn
	}
	// Without the role's own permission on the bucket ARN the session policy must also
	// hold in the bucket's context (facts AWS §2.3), hence both resources.
	session := func(ap, prefix string) *s3.Client {
		both := allow(ap+"/object/"+prefix+"/*", "s3:GetObject", "s3:PutObject").and("arn:aws:s3:::" + bucket + "/" + prefix + "/*")
		return s3.NewFromConfig(r.assume(t, target, sts.AssumeRoleInput{Policy: document(t, both)}))
	}
	apA, apB := tenant("a"), tenant("b")
	a := session(apA, "a")
	put := func(at, key string) func() error {
		return func() error {
			return failure(a.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &at, Key: &key, Body: strings.NewReader("data")}))
		}
	}
	target.allowed(t, "own access point, own prefix", put(apA, "a/x"))
	target.refused(t, "own access point, other prefix", 403, "AccessDenied", put(apA, "b/x"))
	target.refused(t, "other access point, its prefix", 403, "AccessDenied", put(apB, "b/x"))
	target.refused(t, "other access point, own prefix", 403, "AccessDenied", put(apB, "a/x"))
	got := must(a.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &apA, Key: aws.String("a/x")}))(t)
	if body := content(t, got.Body); body != "data" {
		t.Errorf("read %q", body)
	}
}

// content reads a body to its end.
func content(t *testing.T, body io.ReadCloser) string {
	t.Helper()
	defer func() { _ = body.Close() }()
	return string(must(io.ReadAll(body))(t))
}

// objects: what content addressing rests on: checksums, conditional writes, exact keys,
// presigned requests (facts AWS §7).
func objects(t *testing.T, target Target) {
	bucket := newBucket(t, target)
	client := s3.NewFromConfig(target.Config)
	data := bytes.Repeat([]byte("content "), 4096)
	sum := sha256.Sum256(data)
	address := base64.StdEncoding.EncodeToString(sum[:])
	put := func(key, checksum string, body []byte) func() error {
		return func() error {
			return failure(client.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ChecksumSHA256: &checksum, IfNoneMatch: aws.String("*"),
			}))
		}
	}
	const key = "org/../sha256:x//y z"
	target.allowed(t, "first write", put(key, address, data))
	target.refused(t, "second write", 412, "PreconditionFailed", put(key, address, data))
	target.refused(t, "other content than its checksum says", 400, "BadDigest", put("other", address, data[1:]))
	target.refused(t, "a checksum that is none", 400, "InvalidRequest", put("other", "x", data))
	target.refused(t, "a key that means the same", 404, "NoSuchKey", func() error {
		return failure(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("sha256:x/y z")}))
	})
	head := must(client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String(key), ChecksumMode: types.ChecksumModeEnabled}))(t)
	if got := aws.ToString(head.ChecksumSHA256); got != address || head.ChecksumType != types.ChecksumTypeFullObject {
		t.Errorf("checksum %s of type %s, want %s", got, head.ChecksumType, address)
	}

	signed := must(s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(key)}))(t)
	if status, body := fetch(t, target, signed.URL); status != 200 || !bytes.Equal(body, data) {
		t.Errorf("presigned: %d, %d bytes", status, len(body))
	}
	if status, _ := fetch(t, target, signed.URL+"0"); status != 403 && status != 400 {
		t.Errorf("presigned and altered: %d", status)
	}
}

func fetch(t *testing.T, target Target, url string) (int, []byte) {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))(t)
	res := must(target.Config.HTTPClient.Do(r))(t)
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode, must(io.ReadAll(res.Body))(t)
}
