package provision_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/emulator"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const (
	account = "123456789012"
	region  = "eu-west-1"
)

func names() tenancy.Installation {
	return tenancy.Installation{
		AccountID: account, Region: region, BucketName: "artifacts", APPrefix: "cas-",
		BaseRoleName: "tenant", SessionPolicyPrefix: "cas-",
		BackendRoleName: "backend", ControlplaneRoleName: "controlplane", CASRoleName: "cas",
		OperatorARNs: []string{"arn:aws:iam::" + account + ":root"}, Loopback: true,
	}
}

// emulated is an empty account and its root user.
func emulated(t *testing.T) (*emulator.AWS, *awscloud.Cloud) {
	t.Helper()
	aws, err := emulator.Open(emulator.Config{Dir: filepath.Join(t.TempDir(), "aws"), AccountID: account, Region: region})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(aws)
	t.Cleanup(func() {
		server.Close()
		if err := aws.Close(); err != nil {
			t.Error(err)
		}
	})
	network, err := awscloud.NewTransport(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(network.CloseIdleConnections)
	root := aws.RootCredentials()
	c, err := awscloud.New(t.Context(), awscloud.Config{
		Region: region, AccountID: account, Endpoint: server.URL, Transport: network,
		Credentials: awscloud.StaticCredentials(root.AccessKeyID, root.SecretAccessKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws, c
}

func provisioner(t *testing.T, in tenancy.Installation, c *awscloud.Cloud) *provision.Provisioner {
	t.Helper()
	p, err := provision.New(provision.Config{Installation: in, Roles: c, Keys: c, Buckets: c, Settings: c})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// plan returns what is left to do, in words.
func plan(t *testing.T, in tenancy.Installation, c *awscloud.Cloud) []string {
	t.Helper()
	plan, err := provisioner(t, in, c).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return words(plan)
}

func apply(t *testing.T, in tenancy.Installation, c *awscloud.Cloud) (tenancy.Installation, error) {
	t.Helper()
	p := provisioner(t, in, c)
	steps, err := p.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p.Apply(t.Context(), steps)
}

func TestEmptyAccount(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	want := []string{
		"create role backend, for EKS Pod Identity",
		"create role controlplane, for EKS Pod Identity",
		"create role cas, for EKS Pod Identity",
		"create base role tenant",
		"create a KMS key with alias alias/artifacts",
		"put the permissions of role tenant",
		"put the permissions of role backend",
		"put the permissions of role controlplane",
		"put the permissions of role cas",
		"replace the policy of the KMS key",
		"turn on yearly rotation of the KMS key",
		"create bucket artifacts",
		"block public access to bucket artifacts",
		"encrypt bucket artifacts with the KMS key by default",
		"remove unfinished uploads to bucket artifacts after 7 days",
		"replace the policy of bucket artifacts",
	}
	if diff := cmp.Diff(want, plan(t, names(), c)); diff != "" {
		t.Fatalf("plan (-want +got):\n%s", diff)
	}
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(in.KMSKeyARN, "arn:aws:kms:eu-west-1:123456789012:key/") {
		t.Errorf("key %q", in.KMSKeyARN)
	}
	if left := plan(t, names(), c); len(left) != 0 {
		t.Errorf("found by alias, left to do: %v", left)
	}
	if left := plan(t, in, c); len(left) != 0 {
		t.Errorf("with the key named, left to do: %v", left)
	}
	bucket, err := c.Bucket(t.Context(), "artifacts")
	if err != nil {
		t.Fatal(err)
	}
	bucket.Policy = nil
	wantBucket := cloud.Bucket{
		Name: "artifacts", Region: region, ACLsOff: true, UploadDays: 7,
		Block:      cloud.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true},
		Encryption: cloud.Encryption{Algorithm: "aws:kms", KeyARN: in.KMSKeyARN, BucketKey: true, BlocksSSEC: true},
	}
	if diff := cmp.Diff(wantBucket, bucket); diff != "" {
		t.Errorf("bucket (-want +got):\n%s", diff)
	}
}

// Whatever is changed by hand is found and put right.
func TestDriftIsPutRight(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	wide := func(principals *iam.Principals, resources ...string) *iam.Document {
		return &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
			Effect: iam.Allow, Principals: principals, Actions: []string{"*"}, Resources: resources,
		}}}
	}
	root := &iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":root"}}
	trust := wide(root)
	trust.Statements[0].Actions = []string{"sts:AssumeRole"}
	for _, row := range []struct {
		want  string
		drift func(context.Context) error
	}{
		{"put the permissions of role tenant", func(ctx context.Context) error {
			return c.PutRolePolicy(ctx, "tenant", "managedcas", wide(nil, "*"))
		}},
		{"replace the trust policy of base role tenant", func(ctx context.Context) error {
			return c.PutRoleTrust(ctx, "tenant", trust)
		}},
		{"limit sessions of base role tenant to an hour", func(ctx context.Context) error {
			return c.PutRoleMaxSession(ctx, "tenant", 12*60*60*1e9)
		}},
		{"replace the policy of the KMS key", func(ctx context.Context) error {
			return c.PutKeyPolicy(ctx, in.KMSKeyARN, wide(root, "*"))
		}},
		{"replace the policy of bucket artifacts", func(ctx context.Context) error {
			return c.PutBucketPolicy(ctx, "artifacts", wide(root, "arn:aws:s3:::artifacts"))
		}},
	} {
		if err := row.drift(t.Context()); err != nil {
			t.Fatalf("%s: %v", row.want, err)
		}
		if diff := cmp.Diff([]string{row.want}, plan(t, in, c)); diff != "" {
			t.Errorf("plan (-want +got):\n%s", diff)
		}
		if _, err := apply(t, in, c); err != nil {
			t.Errorf("%s: %v", row.want, err)
		}
		if left := plan(t, in, c); len(left) != 0 {
			t.Errorf("%s: left to do: %v", row.want, left)
		}
	}
}

// A workload role that trusts something else than Pod Identity keeps its trust.
func TestAdoptsWhatExists(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	trust := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":root"}},
		Actions: []string{"sts:AssumeRole"},
	}}}
	before, err := c.CreateRole(t.Context(), "backend", "made by somebody", trust, 2*60*60*1e9)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CreateBucket(t.Context(), "artifacts"); err != nil {
		t.Fatal(err)
	}
	if err := c.AbortIncompleteUploads(t.Context(), "artifacts", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := apply(t, names(), c); err != nil {
		t.Fatal(err)
	}
	after, err := c.Role(t.Context(), "backend")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("role (-before +after):\n%s", diff)
	}
	if b, err := c.Bucket(t.Context(), "artifacts"); err != nil || b.UploadDays != 1 {
		t.Errorf("a stricter lifecycle was loosened: %d days, %v", b.UploadDays, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	missing := names()
	missing.KMSKeyARN = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
	_, err := provisioner(t, missing, c).Plan(t.Context())
	if !errors.Is(err, cloud.ErrNotFound) || !strings.Contains(fmt.Sprint(err), "kmsKeyArn") {
		t.Errorf("a key that does not exist: %v", err)
	}
	invalid := names()
	invalid.APPrefix = "a-prefix-of-nineteen"
	if _, err := provision.New(provision.Config{Installation: invalid}); !errors.Is(err, tenancy.ErrInstallation) {
		t.Errorf("an impossible prefix: %v", err)
	}
}

// A try whose answer is lost, throttling, and IAM that is late: Apply gets over them.
func TestApplyIsPatient(t *testing.T) {
	t.Parallel()
	aws, c := emulated(t)
	if err := aws.Faults().Replace(faults.Plan{
		IAMPropagationMS: 200,
		Rules: []faults.Rule{
			{Service: "iam", Operation: "CreateRole", Count: 1, Kind: faults.CutAfter},
			{Service: "iam", Operation: "PutRolePolicy", Count: 5, Kind: faults.Throttle},
			{Service: "s3", Operation: "CreateBucket", Count: 1, Kind: faults.CutAfter},
		},
	}); err != nil {
		t.Fatal(err)
	}
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := aws.Faults().Replace(faults.Plan{}); err != nil {
		t.Fatal(err)
	}
	if left := plan(t, in, c); len(left) != 0 {
		t.Errorf("left to do: %v", left)
	}
}
