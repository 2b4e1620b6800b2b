package bench

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/managedcas/managedcas/internal/emulator"
)

const (
	bucket = "bench"
	region = "us-west-2"
)

// served is a server with the credentials for it.
type served struct {
	handler http.Handler
	key     emulator.Credentials
}

// The encryptions of a bucket. SSE-KMS is what an installation uses. With SSE-S3 the
// ETag is the content's MD5, which takes longer than all else that is done to a byte.
const (
	withKMS = "sse-kms"
	withS3  = "sse-s3"
)

// encrypted runs a benchmark for each encryption.
func encrypted(b *testing.B, run func(b *testing.B, encryption string)) {
	for _, encryption := range []string{withKMS, withS3} {
		b.Run(encryption, func(b *testing.B) { run(b, encryption) })
	}
}

func serveEmbedded(b *testing.B, encryption string) served {
	account, err := emulator.Open(emulator.Config{Dir: b.TempDir(), AccountID: "123456789012", Region: region})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = account.Close() })
	s := served{account, account.RootCredentials()}
	c := newClient(b, s)
	if _, err := c.s3.CreateBucket(b.Context(), &s3.CreateBucketInput{
		Bucket:                    aws.String(bucket),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	}); err != nil {
		b.Fatal(err)
	}
	if encryption == withKMS {
		c.encrypt(b)
	}
	return s
}

// encrypt makes a key and has the bucket encrypt under it.
func (c *client) encrypt(b *testing.B) {
	options := c.s3.Options()
	key, err := kms.New(kms.Options{
		Region: region, BaseEndpoint: options.BaseEndpoint, Credentials: options.Credentials, HTTPClient: options.HTTPClient,
	}).CreateKey(b.Context(), &kms.CreateKeyInput{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := c.s3.PutBucketEncryption(b.Context(), &s3.PutBucketEncryptionInput{
		Bucket: aws.String(bucket),
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: key.KeyMetadata.Arn,
			},
			BucketKeyEnabled: aws.Bool(true),
		}}},
	}); err != nil {
		b.Fatal(err)
	}
}

// client is the same SDK client for both servers; the plain one ignores signatures.
type client struct{ s3 *s3.Client }

func newClient(b *testing.B, s served) *client {
	server := httptest.NewServer(s.handler)
	b.Cleanup(server.Close)
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	b.Cleanup(transport.CloseIdleConnections)
	return &client{s3.New(s3.Options{
		Region: region, BaseEndpoint: &server.URL, UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(s.key.AccessKeyID, s.key.SecretAccessKey, ""),
		HTTPClient:  &http.Client{Transport: transport},
		// What both would pay for, the client checking a CRC of the answer, only the
		// one pays that stores checksums.
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})}
}
