package direct_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/rig"
)

// thief has the whole session of an organization, not only a URL.
func thief(t *testing.T, r *rig.Rig, id org.ID) (client *s3.Client, bucket *string, key func(digest.Digest) *string) {
	t.Helper()
	sess := r.Session(t, id)
	k := sess.Credentials
	at, err := url.Parse(r.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, at.Host)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	client = s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(r.Endpoint()), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken),
	})
	return client, aws.String(sess.Tenant.APARN()), func(d digest.Digest) *string { return aws.String(sess.Tenant.ObjectKey(d)) }
}

// A confirmation believes S3's own sha256 and nothing else: what a stolen session stored at
// the address, while a URL was out, is not recorded as the artifact.
func TestOtherBytesAreNotConfirmed(t *testing.T) {
	t.Parallel()
	known := &catalogue{}
	r := rig.New(t, rig.Options{Reuse: rig.LongReuse, Recorder: known})
	acme := r.Org(t)
	client, bucket, key := thief(t, r, acme)
	lie, lies := rig.Content(10)

	_, whole := rig.Content(10)
	presign(t, r, acme, whole, len(lie))
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: bucket, Key: key(whole), Body: bytes.NewReader(lie), IfNoneMatch: aws.String("*"), ChecksumSHA256: aws.String(lies.Base64()),
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Direct.Confirm(t.Context(), uploader(acme), whole); problem.KindOf(cas.Problem(err)) != problem.Corrupt {
		t.Errorf("other bytes: %v", err)
	}

	// In parts S3 has a sha256 only of the parts' own: no proof.
	_, parts := rig.Content(10)
	presign(t, r, acme, parts, len(lie))
	begun, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: bucket, Key: key(parts), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := client.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: bucket, Key: key(parts), UploadId: begun.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(lie), ChecksumSHA256: aws.String(lies.Base64()),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key(parts), UploadId: begun.UploadId, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: sent.ETag, ChecksumSHA256: sent.ChecksumSHA256}}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, created, err := r.Direct.Confirm(t.Context(), uploader(acme), parts); err != nil || created {
		t.Errorf("in parts: created %t, %v", created, err)
	}

	if err := r.Direct.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if n := unconfirmed(t, r); n != 0 || len(known.entries()) != 0 {
		t.Errorf("%d unconfirmed, %d records", n, len(known.entries()))
	}
}
