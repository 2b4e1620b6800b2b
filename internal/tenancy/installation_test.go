package tenancy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*tenancy.Installation)
	}{
		{"example", func(*tenancy.Installation) {}},
		{"prefix of one character", func(in *tenancy.Installation) { in.APPrefix = "c" }},
		{"prefix of 18 characters", func(in *tenancy.Installation) { in.APPrefix = strings.Repeat("c", 18) }},
		{"prefix without a hyphen", func(in *tenancy.Installation) { in.APPrefix = "cas" }},
		{"session policy prefix of 92 characters", func(in *tenancy.Installation) { in.SessionPolicyPrefix = strings.Repeat("c", 92) }},
		{"role name of 64 characters", func(in *tenancy.Installation) { in.BaseRoleName = strings.Repeat("r", 64) }},
		{"bucket with dots", func(in *tenancy.Installation) { in.BucketName = "artifacts.example.org" }},
		{"bucket ending in 11 digits", func(in *tenancy.Installation) { in.BucketName = "artifacts-11122223333" }},
		{"multi-Region key", func(in *tenancy.Installation) {
			in.KMSKeyARN = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
		}},
		{"GovCloud", func(in *tenancy.Installation) {
			in.Region = "us-gov-west-1"
			in.KMSKeyARN = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1"
			in.OperatorARNs = []string{"arn:aws-us-gov:iam::111122223333:root"}
		}},
		{"one role for all workloads", func(in *tenancy.Installation) {
			in.ControlplaneRoleName, in.CASRoleName = in.BackendRoleName, in.BackendRoleName
		}},
	} {
		in := example()
		test.change(&in)
		if _, err := tenancy.New(in); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const key = "arn:aws:kms:eu-west-1:111122223333:"
	for _, test := range []struct {
		name   string
		change func(*tenancy.Installation)
		says   string
	}{
		{"account of 11 digits", func(in *tenancy.Installation) { in.AccountID = "11122223333" }, "12 digits"},
		{"account with a wildcard", func(in *tenancy.Installation) { in.AccountID = "11112222333*" }, "12 digits"},
		{"account with a newline", func(in *tenancy.Installation) { in.AccountID = "111122223333\n" }, "12 digits"},
		{"Region", func(in *tenancy.Installation) { in.Region = "Ireland" }, "eu-west-1"},
		{"partition of another Region", func(in *tenancy.Installation) { in.Partition = "aws-cn" }, "belongs to aws"},
		{"bucket too short", func(in *tenancy.Installation) { in.BucketName = "ab" }, "3 to 63"},
		{"bucket too long", func(in *tenancy.Installation) { in.BucketName = strings.Repeat("b", 64) }, "3 to 63"},
		{"bucket in uppercase", func(in *tenancy.Installation) { in.BucketName = "Artifacts" }, "lowercase"},
		{"bucket with a wildcard", func(in *tenancy.Installation) { in.BucketName = "artifacts-*" }, "lowercase"},
		{"bucket with two dots", func(in *tenancy.Installation) { in.BucketName = "a..b" }, "single inner dots"},
		{"bucket like an address", func(in *tenancy.Installation) { in.BucketName = "192.0.2.1" }, "IP address"},
		{"bucket like an access point's host, on the embedded AWS", func(in *tenancy.Installation) { in.BucketName, in.Loopback = "artifacts-111122223333", true }, "12 digits"},
		{"bucket like an alias", func(in *tenancy.Installation) { in.BucketName = "artifacts-s3alias" }, "reserves"},
		{"bucket with a reserved prefix", func(in *tenancy.Installation) { in.BucketName = "xn--artifacts" }, "reserves"},
		{"key alias ARN", func(in *tenancy.Installation) { in.KMSKeyARN = key + "alias/cas" }, "alias"},
		{"key alias name", func(in *tenancy.Installation) { in.KMSKeyARN = "alias/cas" }, "alias"},
		{"key id alone", func(in *tenancy.Installation) { in.KMSKeyARN = "11111111-2222-3333-4444-555555555555" }, "want an ARN"},
		{"key of another account", func(in *tenancy.Installation) { in.KMSKeyARN = strings.Replace(key, "1111", "9999", 1) + "key/1" }, "account and Region"},
		{"key of another Region", func(in *tenancy.Installation) { in.KMSKeyARN = strings.Replace(key, "west", "east", 1) + "key/1" }, "account and Region"},
		{"key with a wildcard", func(in *tenancy.Installation) { in.KMSKeyARN = key + "key/*" }, "key id"},
		{"no prefix", func(in *tenancy.Installation) { in.APPrefix = "" }, "empty"},
		{"prefix of 19 characters", func(in *tenancy.Installation) { in.APPrefix = strings.Repeat("c", 19) }, "at most 50"},
		{"prefix in uppercase", func(in *tenancy.Installation) { in.APPrefix = "Cas-" }, "lowercase"},
		{"prefix that begins with a hyphen", func(in *tenancy.Installation) { in.APPrefix = "-cas" }, "begin with"},
		{"prefix with a wildcard", func(in *tenancy.Installation) { in.APPrefix = "cas-*" }, "lowercase"},
		{"no session policy prefix", func(in *tenancy.Installation) { in.SessionPolicyPrefix = "" }, "every policy"},
		{"session policy prefix of 93 characters", func(in *tenancy.Installation) { in.SessionPolicyPrefix = strings.Repeat("c", 93) }, "at most 128"},
		{"session policy prefix with a path", func(in *tenancy.Installation) { in.SessionPolicyPrefix = "cas/" }, "letters, digits"},
		{"session policy prefix with a wildcard", func(in *tenancy.Installation) { in.SessionPolicyPrefix = "cas*" }, "letters, digits"},
		{"no base role", func(in *tenancy.Installation) { in.BaseRoleName = "" }, "base role name"},
		{"base role as ARN", func(in *tenancy.Installation) { in.BaseRoleName = "arn:aws:iam::111122223333:role/x" }, "not an ARN"},
		{"role name of 65 characters", func(in *tenancy.Installation) { in.BackendRoleName = strings.Repeat("r", 65) }, "backend role name"},
		{"no controlplane role", func(in *tenancy.Installation) { in.ControlplaneRoleName = "" }, "controlplane role name"},
		{"workload that is the base role", func(in *tenancy.Installation) { in.CASRoleName = "CHAINLOOP-tenant" }, "is the base role"},
		{"operator of another account", func(in *tenancy.Installation) { in.OperatorARNs = []string{"arn:aws:iam::999922223333:root"} }, "operator"},
		{"operators by wildcard", func(in *tenancy.Installation) { in.OperatorARNs = []string{"arn:aws:iam::111122223333:role/*"} }, "without wildcards"},
		{"operators by variable", func(in *tenancy.Installation) {
			in.OperatorARNs = []string{"arn:aws:iam::111122223333:user/${aws:username}"}
		}, "without wildcards"},
		{"operator by session", func(in *tenancy.Installation) {
			in.OperatorARNs = []string{"arn:aws:sts::111122223333:assumed-role/operator/me"}
		}, "operator"},
		{"operator that is the base role", func(in *tenancy.Installation) {
			in.OperatorARNs = []string{"arn:aws:iam::111122223333:role/chainloop-tenant"}
		}, "must not list"},
		{"operator that is a workload", func(in *tenancy.Installation) {
			in.OperatorARNs = []string{"arn:aws:iam::111122223333:role/chainloop-backend"}
		}, "must not list"},
	} {
		in := example()
		test.change(&in)
		got, err := tenancy.New(in)
		if !errors.Is(err, tenancy.ErrInstallation) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want an error that says %q", test.name, err, test.says)
		}
		if got.AccountID != "" {
			t.Errorf("%s: an installation came with the error", test.name)
		}
	}
}

// An operator with three mistakes sees three.
func TestNewReportsEverything(t *testing.T) {
	t.Parallel()
	_, err := tenancy.New(tenancy.Installation{})
	for _, says := range []string{"account", "region", "bucket", "KMS", "access point prefix", "session policy prefix", "base role", "backend role", "controlplane role"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("nothing about the %s in: %v", says, err)
		}
	}
}

// What New returned does not change with what it was given.
func TestNewKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	given := example()
	in := mustNew(t, given)
	given.OperatorARNs[0] = "*"
	if in.OperatorARNs[0] == "*" {
		t.Error("the caller's slice is shared")
	}
}

func TestZeroOrganizationHasNoTenant(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("the zero id became a tenant")
		}
	}()
	mustNew(t, example()).Tenant(org.ID{})
}

func TestOverlaps(t *testing.T) {
	t.Parallel()
	other := func(in *tenancy.Installation) {
		in.BucketName, in.APPrefix, in.SessionPolicyPrefix, in.BaseRoleName = "others-artifacts", "others-", "others-", "others-tenant"
	}
	for _, test := range []struct {
		name   string
		change func(*tenancy.Installation)
		want   bool
	}{
		{"nothing in common", func(*tenancy.Installation) {}, false},
		{"same bucket", func(in *tenancy.Installation) { in.BucketName = example().BucketName }, true},
		{"same bucket, another account", func(in *tenancy.Installation) {
			in.BucketName, in.AccountID = example().BucketName, "999922223333"
		}, true},
		{"same base role", func(in *tenancy.Installation) { in.BaseRoleName = "Chainloop-Tenant" }, true},
		{"same access point prefix", func(in *tenancy.Installation) { in.APPrefix = "chainloop-" }, true},
		{"longer access point prefix", func(in *tenancy.Installation) { in.APPrefix = "chainloop-eu-" }, true},
		{"shorter access point prefix", func(in *tenancy.Installation) { in.APPrefix = "chain" }, true},
		{"sibling access point prefix", func(in *tenancy.Installation) { in.APPrefix = "chainlink-" }, false},
		{"longer prefix in another Region", func(in *tenancy.Installation) {
			in.APPrefix, in.Region = "chainloop-eu-", "eu-central-1"
		}, false},
		{"longer prefix in another account", func(in *tenancy.Installation) {
			in.APPrefix, in.AccountID = "chainloop-eu-", "999922223333"
		}, false},
		{"longer session policy prefix", func(in *tenancy.Installation) { in.SessionPolicyPrefix = "CAS-eu-" }, true},
		{"session policies are global in an account", func(in *tenancy.Installation) {
			in.SessionPolicyPrefix, in.Region = "cas-eu-", "eu-central-1"
		}, true},
	} {
		a, b := example(), example()
		a.Partition, b.Partition = "aws", "aws"
		other(&b)
		test.change(&b)
		for _, pair := range [][2]tenancy.Installation{{a, b}, {b, a}} {
			reason, got := tenancy.Overlaps(pair[0], pair[1])
			if got != test.want || got != (reason != "") {
				t.Errorf("%s: got %t (%q), want %t", test.name, got, reason, test.want)
			}
		}
	}
}

// Many accounts name buckets with their own id at the end, and AWS takes it.
func TestBucketNamedAfterItsAccount(t *testing.T) {
	t.Parallel()
	in := example()
	in.BucketName = "artifacts-111122223333"
	if _, err := tenancy.New(in); err != nil {
		t.Error(err)
	}
}
