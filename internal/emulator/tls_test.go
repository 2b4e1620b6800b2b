package emulator_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestTrailerOverTLS: over TLS the SDK sends unsigned chunks with a checksum in the
// trailer, and can so send what it cannot rewind.
func TestTrailerOverTLS(t *testing.T) {
	t.Parallel()
	a := open(t, t.TempDir())
	srv := httptest.NewTLSServer(a)
	t.Cleanup(func() {
		srv.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	root := a.RootCredentials()
	client := s3.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: &srv.URL, HTTPClient: srv.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(root.AccessKeyID, root.SecretAccessKey, ""),
	})
	bucket, key := aws.String("bucket"), aws.String("key")
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	}); err != nil {
		t.Fatal(err)
	}
	const content = "content that cannot be rewound"
	put, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: bucket, Key: key, ContentLength: aws.Int64(int64(len(content))),
		Body:              io.MultiReader(strings.NewReader(content)),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(put.ChecksumSHA256) == "" {
		t.Error("the trailer's checksum is not in the answer")
	}
	got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil || string(body) != content {
		t.Errorf("read %q, %v", body, err)
	}
	if encoding := aws.ToString(got.ContentEncoding); encoding != "" {
		t.Errorf("the framing is kept as content encoding %q", encoding)
	}
}
