package s3api_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	tmtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator"
)

const (
	account = "123456789012"
	region  = "us-west-2"
	bucket  = "shared"
)

// start serves a whole embedded AWS with one bucket and one access point, and returns
// the configuration of a stock client of its root user.
func start(t *testing.T) (cfg aws.Config, accessPoint *s3control.CreateAccessPointOutput) {
	t.Helper()
	a, err := emulator.Open(emulator.Config{Dir: t.TempDir(), AccountID: account, Region: region})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(a)
	srv.Config = a.Server()
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	proxy, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	t.Cleanup(transport.CloseIdleConnections)
	root := a.RootCredentials()
	cfg = aws.Config{
		Region: region, BaseEndpoint: &srv.URL, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(root.AccessKeyID, root.SecretAccessKey, ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	ctx := t.Context()
	_, err = sdk.NewFromConfig(cfg).CreateBucket(ctx, &sdk.CreateBucketInput{
		Bucket: aws.String(bucket), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	})
	if err != nil {
		t.Fatal(err)
	}
	accessPoint, err = s3control.NewFromConfig(cfg).CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{
		AccountId: aws.String(account), Name: aws.String("cas-a"), Bucket: aws.String(bucket),
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg, accessPoint
}

func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

// AWS's own client reads and writes by every name that a bucket has here.
func TestSDKObjects(t *testing.T) {
	t.Parallel()
	cfg, ap := start(t)
	c, ctx := sdk.NewFromConfig(cfg), t.Context()
	for _, name := range []string{bucket, aws.ToString(ap.AccessPointArn), aws.ToString(ap.Alias)} {
		key := "org/sha256:" + name + "/../a b+c%2F//ä"
		_, err := c.PutObject(ctx, &sdk.PutObjectInput{
			Bucket: &name, Key: &key, Body: strings.NewReader("hello"), IfNoneMatch: aws.String("*"),
			ChecksumAlgorithm: types.ChecksumAlgorithmSha256, Metadata: map[string]string{"org": "acme"}, ContentType: aws.String("text/plain"),
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err = c.PutObject(ctx, &sdk.PutObjectInput{Bucket: &name, Key: &key, Body: strings.NewReader("other"), IfNoneMatch: aws.String("*")})
		if code(err) != "PreconditionFailed" {
			t.Errorf("%s: a second write: %v", name, err)
		}
		got, err := c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &name, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(got.Body)
		if err != nil || string(body) != "hello" || got.Metadata["org"] != "acme" || aws.ToString(got.ChecksumSHA256) == "" || got.ServerSideEncryption != types.ServerSideEncryptionAes256 {
			t.Errorf("%s: %q, %v, %+v", name, body, err, got)
		}
		list, err := c.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: &name, Prefix: &key})
		if err != nil || len(list.Contents) != 1 || aws.ToString(list.Contents[0].Key) != key {
			t.Errorf("%s: list %v, %v", name, list, err)
		}
		_, err = c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &name, Key: aws.String("none")})
		if code(err) != "NotFound" {
			t.Errorf("%s: HEAD of nothing: %v", name, err)
		}
		_, err = c.GetObject(ctx, &sdk.GetObjectInput{Bucket: &name, Key: aws.String("none")})
		if _, ok := errors.AsType[*types.NoSuchKey](err); !ok {
			t.Errorf("%s: GET of nothing: %v", name, err)
		}
		_, err = c.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: &name, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: &key}}}})
		if err != nil {
			t.Errorf("%s: delete: %v", name, err)
		}
	}
}

// Presigned URLs carry what was signed, also what stands in the query.
func TestSDKPresigned(t *testing.T) {
	t.Parallel()
	cfg, ap := start(t)
	presign := sdk.NewPresignClient(sdk.NewFromConfig(cfg))
	put, err := presign.PresignPutObject(t.Context(), &sdk.PutObjectInput{
		Bucket: ap.AccessPointArn, Key: aws.String("k"), Metadata: map[string]string{"org": "acme"},
		ChecksumSHA256: aws.String("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="), // of "hello"
	})
	if err != nil {
		t.Fatal(err)
	}
	send := func(url, method, body string, header http.Header) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range header {
			r.Header[name] = values
		}
		res, err := cfg.HTTPClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	header := put.SignedHeader.Clone()
	header.Del("Host")
	header.Del("Content-Length")
	if res := send(put.URL, put.Method, "other", header); res.StatusCode != http.StatusBadRequest {
		t.Errorf("other content than signed: %s", res.Status)
	}
	if res := send(put.URL, put.Method, "hello", header); res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		t.Fatalf("put: %s: %s", res.Status, body)
	}
	get, err := presign.PresignGetObject(t.Context(), &sdk.GetObjectInput{Bucket: ap.AccessPointArn, Key: aws.String("k"), ResponseContentType: aws.String("a/b")})
	if err != nil {
		t.Fatal(err)
	}
	res := send(get.URL, get.Method, "", nil)
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "hello" || res.Header.Get("Content-Type") != "a/b" || res.Header.Get("X-Amz-Meta-Org") != "acme" {
		t.Errorf("get: %s %q %v %v", res.Status, body, res.Header, err)
	}
}

// The transfer manager uploads in parts and downloads by parts and by ranges.
func TestSDKTransfers(t *testing.T) {
	t.Parallel()
	cfg, ap := start(t)
	content := make([]byte, 12<<20+345)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(content)
	for _, by := range []tmtypes.GetObjectType{tmtypes.GetObjectParts, tmtypes.GetObjectRanges} {
		kind := string(by)
		m := transfermanager.New(sdk.NewFromConfig(cfg), func(o *transfermanager.Options) {
			o.PartSizeBytes, o.MultipartUploadThreshold, o.GetObjectType = 5<<20, 5<<20, by
		})
		_, err := m.UploadObject(t.Context(), &transfermanager.UploadObjectInput{Bucket: ap.AccessPointArn, Key: &kind, Body: bytes.NewReader(content)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.GetObject(t.Context(), &transfermanager.GetObjectInput{Bucket: ap.AccessPointArn, Key: &kind})
		if err != nil {
			t.Fatal(err)
		}
		back, err := io.ReadAll(got.Body)
		if err != nil || !bytes.Equal(back, content) {
			t.Errorf("%s: %d bytes, %v", kind, len(back), err)
		}
	}
}

// AWS's own client understands every answer about a bucket's settings.
func TestSDKSettings(t *testing.T) {
	t.Parallel()
	cfg, _ := start(t)
	c, ctx, b := sdk.NewFromConfig(cfg), t.Context(), aws.String(bucket)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	head, err := c.HeadBucket(ctx, &sdk.HeadBucketInput{Bucket: b})
	must(err)
	block, err := c.GetPublicAccessBlock(ctx, &sdk.GetPublicAccessBlockInput{Bucket: b})
	must(err)
	encryption, err := c.GetBucketEncryption(ctx, &sdk.GetBucketEncryptionInput{Bucket: b})
	must(err)
	ownership, err := c.GetBucketOwnershipControls(ctx, &sdk.GetBucketOwnershipControlsInput{Bucket: b})
	must(err)
	location, err := c.GetBucketLocation(ctx, &sdk.GetBucketLocationInput{Bucket: b})
	must(err)
	acl, err := c.GetBucketAcl(ctx, &sdk.GetBucketAclInput{Bucket: b})
	must(err)
	buckets, err := c.ListBuckets(ctx, nil)
	must(err)
	got := []any{
		aws.ToString(head.BucketRegion), aws.ToBool(block.PublicAccessBlockConfiguration.RestrictPublicBuckets),
		encryption.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm,
		ownership.OwnershipControls.Rules[0].ObjectOwnership, location.LocationConstraint,
		acl.Grants[0].Permission, acl.Grants[0].Grantee.Type, aws.ToString(buckets.Buckets[0].Name),
	}
	want := []any{
		region, true, types.ServerSideEncryptionAes256, types.ObjectOwnershipBucketOwnerEnforced, types.BucketLocationConstraint(region),
		types.PermissionFullControl, types.TypeCanonicalUser, bucket,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err = c.PutBucketLifecycleConfiguration(ctx, &sdk.PutBucketLifecycleConfigurationInput{Bucket: b, LifecycleConfiguration: &types.BucketLifecycleConfiguration{
		Rules: []types.LifecycleRule{{
			ID: aws.String("r"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)},
		}},
	}})
	must(err)
	lifecycle, err := c.GetBucketLifecycleConfiguration(ctx, &sdk.GetBucketLifecycleConfigurationInput{Bucket: b})
	must(err)
	if r := lifecycle.Rules; len(r) != 1 || aws.ToInt32(r[0].AbortIncompleteMultipartUpload.DaysAfterInitiation) != 7 {
		t.Errorf("lifecycle: %+v", r)
	}
	_, err = c.GetBucketPolicy(ctx, &sdk.GetBucketPolicyInput{Bucket: b})
	if code(err) != "NoSuchBucketPolicy" {
		t.Errorf("policy: %v", err)
	}
	_, err = c.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: b})
	if code(err) != "BucketHasAccessPointsAttached" {
		t.Errorf("delete: %v", err)
	}
}

// A denial reaches a client that is still sending (there is no Expect in this
// request), instead of a broken connection.
func TestDenialOfALongUpload(t *testing.T) {
	t.Parallel()
	cfg, _ := start(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, *cfg.BaseEndpoint+"/"+bucket+"/k", bytes.NewReader(make([]byte, 8<<20)))
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Timeout: time.Minute}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("%s", res.Status)
	}
}

// AWS's client sends checksums that it cannot compute itself, and finds them in every
// answer that has them.
func TestSDKYoungerChecksums(t *testing.T) {
	t.Parallel()
	cfg, ap := start(t)
	c, ctx := sdk.NewFromConfig(cfg), t.Context()
	const sum = "RatnNLIeaWg=" // of "hello world", https://github.com/aws/aws-sdk-go-v2/issues/3404
	put := func(value string) error {
		_, err := c.PutObject(ctx, &sdk.PutObjectInput{
			Bucket: ap.AccessPointArn, Key: aws.String("k"), Body: strings.NewReader("hello world"), ChecksumXXHASH64: &value,
		})
		return err
	}
	if err := put("AAAAAAAAAAA="); code(err) != "BadDigest" {
		t.Errorf("a wrong checksum: %v", err)
	}
	if err := put(sum); err != nil {
		t.Fatal(err)
	}
	head, err := c.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: ap.AccessPointArn, Key: aws.String("k"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil || aws.ToString(head.ChecksumXXHASH64) != sum || head.ChecksumType != types.ChecksumTypeFullObject {
		t.Errorf("head: %+v, %v", head, err)
	}
	attributes, err := c.GetObjectAttributes(ctx, &sdk.GetObjectAttributesInput{
		Bucket: ap.AccessPointArn, Key: aws.String("k"), ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesChecksum},
	})
	if err != nil || attributes.Checksum == nil || aws.ToString(attributes.Checksum.ChecksumXXHASH64) != sum {
		t.Errorf("attributes: %+v, %v", attributes, err)
	}
}
