package emulator_test

import (
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/managedcas/managedcas/internal/emulator"
)

// TestQuotasCanBeSet: as if AWS had changed them; they are met exactly.
func TestQuotasCanBeSet(t *testing.T) {
	t.Parallel()
	a, err := emulator.Open(emulator.Config{Dir: t.TempDir(), AccountID: account, Region: "us-east-1", AccessPoints: 1, Policies: 2})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(a)
	t.Cleanup(func() {
		srv.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	root := a.RootCredentials()
	cfg := clientConfig(t, srv, credentials.NewStaticCredentialsProvider(root.AccessKeyID, root.SecretAccessKey, ""))
	cfg.Region = "us-east-1"
	ctx := t.Context()
	if _, err := s3.NewFromConfig(cfg).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("shared")}); err != nil {
		t.Fatal(err)
	}
	control, identity := s3control.NewFromConfig(cfg), iam.NewFromConfig(cfg)
	accessPoint := func(name string) error {
		_, err := control.CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{AccountId: aws.String(account), Name: &name, Bucket: aws.String("shared")})
		return err
	}
	policy := func(name string) error {
		_, err := identity.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)})
		return err
	}
	for _, err := range []error{accessPoint("cas-a"), policy("a"), policy("b")} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := accessPoint("cas-b"); code(err) != "TooManyAccessPoints" {
		t.Errorf("one too many: %v", err)
	}
	if err := policy("c"); code(err) != "LimitExceeded" {
		t.Errorf("one too many: %v", err)
	}
	summary, err := identity.GetAccountSummary(ctx, nil)
	if err != nil || summary.SummaryMap["PoliciesQuota"] != 2 {
		t.Errorf("%v, %v", summary, err)
	}
	if _, err := emulator.Open(emulator.Config{Dir: t.TempDir(), AccountID: account, Region: region, Policies: -1}); err == nil {
		t.Error("a negative quota is accepted")
	}
}
