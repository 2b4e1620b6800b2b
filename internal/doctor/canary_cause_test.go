package doctor

import (
	"errors"
	"fmt"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/session"
)

// Answers are as AWS writes them (facts AWS §3.5, §4.3, §6.1).
func TestCauses(t *testing.T) {
	t.Parallel()
	const user = "AccessDenied: User: arn:aws:sts::111122223333:assumed-role/tenant/cas-x is not authorized to perform: "
	for answer, want := range map[string]string{
		user + "sts:TagSession on resource: arn:aws:iam::111122223333:role/tenant":                                           "trust-tag-session",
		user + "sts:AssumeRole on resource: arn:aws:iam::111122223333:role/tenant":                                           "trust-assume-role",
		"PackedPolicyTooLarge: Packed size of session tags consumes 112% of allotted space.":                                 "session-packed-size",
		"KMS.DisabledException: the key is disabled":                                                                         "key-disabled",
		"KMS.KMSInvalidStateException: pending deletion":                                                                     "key-pending-deletion",
		user + "kms:GenerateDataKey on resource: key because no resource-based policy allows the kms:GenerateDataKey action": "key-policy-sessions",
		user + "kms:Decrypt on resource: key with an explicit deny in a resource-based policy":                               "key-policy-deny",
		user + "s3:CreateAccessPoint on resource: x because no identity-based policy allows the s3:CreateAccessPoint action": "backend-access-points",
		user + "iam:CreatePolicy on resource: x because no identity-based policy allows it":                                  "backend-session-policies",
		user + "iam:GetRole on resource: x because no identity-based policy allows it":                                       "backend-base-role",
		user + "s3:PutObject on resource: x with an explicit deny in a resource-based policy":                                "bucket-policy-prefix",
		user + "s3:PutObject on resource: x because no identity-based policy allows the s3:PutObject action":                 "bucket-policy-delegation",
		user + "s3:PutObject on resource: x because no session policy allows the s3:PutObject action":                        "session-policy-missing",
		user + "s3:PutObject on resource: x with an explicit deny in a service control policy":                               "organization-policy",
		user + "sts:AssumeRole on resource: x because no service control policy allows the sts:AssumeRole action":            "organization-policy",
		user + "s3:CreateAccessPoint on resource: x with an explicit deny in a resource control policy":                      "organization-policy",
		user + "s3:GetObject on resource: x because no resource control policy allows the s3:GetObject action":               "organization-policy",
		user + "s3:GetObject on resource: x because no VPC endpoint policy allows the s3:GetObject action":                   "endpoint-policy",
		user + "s3:GetObject on resource: x with an explicit deny in a VPC endpoint policy":                                  "endpoint-policy",
		user + "kms:GenerateDataKey on resource: key because no permissions boundary allows the kms:GenerateDataKey action":  "role-boundary",
		user + "s3:PutObject on resource: x with an explicit deny in a permissions boundary":                                 "role-boundary",
		"creating access point x: NoSuchBucket: The specified bucket does not exist":                                         "bucket-missing",
		"what nobody has thought of": "canary-failed",
	} {
		if f := causeOf(installation(t), errors.New(answer)); f.Code != want || f.What == "" || f.Consequence == "" || f.Evidence != answer {
			t.Errorf("%s: %+v, want %s", answer, f, want)
		}
	}
	for want, err := range map[string]error{
		"quota-full":                  fmt.Errorf("TooManyAccessPoints: %w", cloud.ErrLimit),
		"coordinates-wrong":           fmt.Errorf("x: %w", session.ErrCoordinates),
		"bucket-encryption-other-key": &otherKey{"arn:aws:kms:eu-west-1:111122223333:key/x"},
	} {
		if f := causeOf(installation(t), err); f.Code != want {
			t.Errorf("%v: %s, want %s", err, f.Code, want)
		}
	}
}

// What reading has found explains what the canary fails of, and nothing else does.
func TestCausesThatAreKnown(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		read   string
		status Status
		code   string
		known  bool
	}{
		{"trust-tag-session", Failed, "trust-tag-session", true},
		{"trust-deny", Failed, "trust-tag-session", true},
		{"workload-deny", Failed, "trust-assume-role", true},
		{"bucket-encryption-other-key", Failed, "key-policy-sessions", true},
		{"base-role-deny", Failed, "bucket-policy-delegation", true},
		{"trust-session-name", Warning, "trust-tag-session", false},
		{"bucket-policy-prefix", Failed, "trust-tag-session", false},
		{"key-disabled", Failed, "backend-access-points", false},
	} {
		c := canary{seen: Report{Results: []Result{{Findings: []Finding{{Code: row.read, Status: row.status}}}}}}
		if c.known(row.code) != row.known {
			t.Errorf("%s, with %s %s: known %t", row.code, row.read, row.status, !row.known)
		}
	}
}
