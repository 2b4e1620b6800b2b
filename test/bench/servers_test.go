package bench

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
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

func serveEmbedded(b *testing.B) served {
	account, err := emulator.Open(emulator.Config{Dir: b.TempDir(), AccountID: "123456789012", Region: region})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = account.Close() })
	s := served{account, account.RootCredentials()}
	if _, err := newClient(b, s).s3.CreateBucket(b.Context(), &s3.CreateBucketInput{
		Bucket:                    aws.String(bucket),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	}); err != nil {
		b.Fatal(err)
	}
	return s
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
