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

// newBucket makes a bucket that delegates to the access points of the account.
func newBucket(t *testing.T, target Target) string {
	t.Helper()
	client := s3.NewFromConfig(target.Config)
	bucket := name("bucket")
	must(client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket:                    &bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(target.Config.Region)},
	}))(t)
	cleanup(t, "bucket", func() error {
		ctx := context.WithoutCancel(t.Context())
		listed, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
		if err != nil {
			return err
		}
		for _, o := range listed.Contents {
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: o.Key}); err != nil {
				return err
			}
		}
		_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
		return err
	})
	delegate := statement{
		Effect: "Allow", Principal: map[string]string{"AWS": "*"}, Action: []string{"s3:GetObject", "s3:PutObject"},
		Resource:  []string{"arn:aws:s3:::" + bucket + "/*"},
		Condition: map[string]map[string]any{"StringEquals": {"s3:DataAccessPointAccount": target.AccountID}},
	}
	must(client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: document(t, delegate)}))(t)
	return bucket
}

// newAccessPoint makes an access point and returns its ARN.
func newAccessPoint(t *testing.T, target Target, bucket string, policy func(arn string) statement) string {
	t.Helper()
	client := s3control.NewFromConfig(target.Config)
	ap := name("ap")
	made := must(client.CreateAccessPoint(t.Context(), &s3control.CreateAccessPointInput{
		AccountId: &target.AccountID, Bucket: &bucket, Name: &ap,
	}))(t)
	cleanup(t, "access point", func() error {
		_, err := client.DeleteAccessPoint(context.WithoutCancel(t.Context()), &s3control.DeleteAccessPointInput{AccountId: &target.AccountID, Name: &ap})
		return err
	})
	must(client.PutAccessPointPolicy(t.Context(), &s3control.PutAccessPointPolicyInput{
		AccountId: &target.AccountID, Name: &ap, Policy: document(t, policy(*made.AccessPointArn)),
	}))(t)
	return *made.AccessPointArn
}

// accessPoints: one role, two access points on one bucket; a session reaches the
// prefix that access point and session policy share, and nothing else.
func accessPoints(t *testing.T, target Target) {
	bucket := newBucket(t, target)
	r := newRole(t, target, allow("*", "s3:GetObject", "s3:PutObject"))
	tenant := func(prefix string) string {
		return newAccessPoint(t, target, bucket, func(arn string) statement {
			return statement{
				Effect: "Allow", Principal: map[string]string{"AWS": r.arn},
				Action: []string{"s3:GetObject", "s3:PutObject"}, Resource: []string{arn + "/object/" + prefix + "/*"},
			}
		})
	}
	// Without the role's own permission on the bucket ARN the session policy must also
	// hold in the bucket's context (facts AWS §2.3), hence both resources.
	session := func(ap, prefix string) *s3.Client {
		both := allow(ap+"/object/"+prefix+"/*", "s3:GetObject", "s3:PutObject")
		both.Resource = append(both.Resource, "arn:aws:s3:::"+bucket+"/"+prefix+"/*")
		return s3.NewFromConfig(r.assume(t, target, sts.AssumeRoleInput{Policy: document(t, both)}))
	}
	apA, apB := tenant("a"), tenant("b")
	a := session(apA, "a")
	put := func(c *s3.Client, at, key string) error {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &at, Key: &key, Body: strings.NewReader("data")})
		return err
	}
	if err := put(a, apA, "a/x"); err != nil {
		t.Errorf("own access point, own prefix: %v", err)
	}
	refused(t, put(a, apA, "b/x"), 403, "AccessDenied")
	refused(t, put(a, apB, "b/x"), 403, "AccessDenied")
	refused(t, put(a, apB, "a/x"), 403, "AccessDenied")
	got := must(a.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &apA, Key: aws.String("a/x")}))(t)
	defer got.Body.Close()
	if body := must(io.ReadAll(got.Body))(t); string(body) != "data" {
		t.Errorf("read %q", body)
	}
}

// objects: what content addressing rests on: checksums, conditional writes, ranges,
// exact keys, presigned requests (facts AWS §7).
func objects(t *testing.T, target Target) {
	bucket := newBucket(t, target)
	client := s3.NewFromConfig(target.Config)
	content := bytes.Repeat([]byte("content "), 4096)
	sum := sha256.Sum256(content)
	address := base64.StdEncoding.EncodeToString(sum[:])
	put := func(key, checksum string, body []byte) error {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ChecksumSHA256: &checksum, IfNoneMatch: aws.String("*"),
		})
		return err
	}
	const key = "org/../sha256:x//y z"
	if err := put(key, address, content); err != nil {
		t.Fatal(err)
	}
	refused(t, put(key, address, content), 412, "PreconditionFailed")
	refused(t, put("other", address, content[1:]), 400, "BadDigest")
	_, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("sha256:x/y z")})
	refused(t, err, 404, "NoSuchKey")

	part := must(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(key), Range: aws.String("bytes=8-15")}))(t)
	defer part.Body.Close()
	if body := must(io.ReadAll(part.Body))(t); string(body) != "content " {
		t.Errorf("range is %q", body)
	}

	signed := must(s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String(key)}))(t)
	if status, body := fetch(t, target, signed.URL); status != 200 || !bytes.Equal(body, content) {
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
	defer res.Body.Close()
	return res.StatusCode, must(io.ReadAll(res.Body))(t)
}
