package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/journal"
)

// A fault that could never happen is refused: the test that relies on it would pass.
func TestFaultsOfWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	account, _, _ := start(t)
	for _, tc := range []struct {
		service, operation, says string // says: "" when it is accepted
	}{
		{"s3", "PutObject", ""},
		{"s3control", "CreateAccessPoint", ""},
		{"sts", "AssumeRole", ""},
		{"iam", "CreatePolicy", ""},
		{"kms", "GenerateDataKey", ""},
		{"secretsmanager", "GetSecretValue", ""},
		{"", "PutObject", ""},
		{"s3", "", ""},
		{"S3", "PutObject", "use iam, kms, s3, s3control, secretsmanager, sts"},
		{"dynamo", "", "use iam, kms"},
		{"s3", "putobject", "write PutObject"},
		{"s3", "AssumeRole", "not one of s3"},
		{"", "Nope", "not one of iam"},
	} {
		err := account.Faults().Replace(faults.Plan{Rules: []faults.Rule{{Service: tc.service, Operation: tc.operation, Kind: faults.Throttle}}})
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s:%s: %v", tc.service, tc.operation, err)
		}
	}
}

// The journal keeps what the client was told: not every refusal is a policy's.
func TestJournalKeepsMessages(t *testing.T) {
	t.Parallel()
	account, _, cfg := start(t)
	client := s3.NewFromConfig(cfg)
	if _, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("nobody"), ExpectedBucketOwner: aws.String("999999999999")}); err == nil {
		t.Fatal("no such bucket")
	}
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("nobody"), Key: aws.String(strings.Repeat("k", 1025)), Body: http.NoBody})
	if err == nil {
		t.Fatal("no such bucket")
	}
	entries := account.Journal().Entries(journal.Filter{})
	if len(entries) != 2 {
		t.Errorf("%d entries", len(entries))
	}
	for _, e := range entries {
		if e.Code == "" || e.Message == "" || len(e.Message) > journal.MaxMessage {
			t.Errorf("%s: %d %s %q", e.Operation, e.Status, e.Code, e.Message)
		}
	}
}
