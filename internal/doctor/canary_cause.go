package doctor

import (
	"errors"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/session"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// cause is what an answer of AWS to a canary means. AWS's texts are for people, and may
// change: nothing but an explanation depends on them.
type cause struct {
	// says are parts of the answer, all of which must be there.
	says              []string
	code              string
	what, consequence string
	fix               func(tenancy.Installation) Fix
}

const (
	noSessions = "no organization gets a session: nothing is stored or read"
	noAccess   = "every organization is refused what it stores and reads"
	noNew      = "no organization can be made"
)

// answers are in the order in which they are looked for. That the access point's own policy
// is right is known: the canary has just put it.
var answers = []cause{
	{[]string{"explicit deny in a service control policy"}, "organization-policy",
		"a service control policy of AWS Organizations denies what the installation does", noAccess, organizations},
	{[]string{"no service control policy allows"}, "organization-policy",
		"no service control policy of AWS Organizations allows what the installation does", noAccess, organizations},
	{[]string{"explicit deny in a resource control policy"}, "organization-policy",
		"a resource control policy of AWS Organizations denies what the installation does", noAccess, organizations},
	{[]string{"no resource control policy allows"}, "organization-policy",
		"no resource control policy of AWS Organizations allows what the installation does", noAccess, organizations},
	{[]string{"explicit deny in a VPC endpoint policy"}, "endpoint-policy",
		"the policy of the VPC endpoint denies what the installation does", noAccess, vpcEndpoint},
	{[]string{"no VPC endpoint policy allows"}, "endpoint-policy",
		"the policy of the VPC endpoint does not allow what the installation does", noAccess, vpcEndpoint},
	{[]string{"explicit deny in a permissions boundary"}, "role-boundary",
		"the permissions boundary of a role denies what the installation does", noAccess, boundary},
	{[]string{"no permissions boundary allows"}, "role-boundary",
		"the permissions boundary of a role does not allow what the installation does", noAccess, boundary},
	{[]string{"not authorized to perform: sts:TagSession"}, "trust-tag-session",
		"the base role's trust policy does not let the workload pass session tags: sts:TagSession is missing", noSessions, putBaseRoleTrust},
	{[]string{"not authorized to perform: sts:AssumeRole"}, "trust-assume-role",
		"the base role does not exist, or its trust policy does not let the workload assume it", noSessions, putBaseRoleTrust},
	{[]string{"PackedPolicyTooLarge"}, "session-packed-size",
		"session policy and session tags are too large together for STS", noSessions, disableTags},
	{[]string{"KMS", "Disabled"}, "key-disabled", "the KMS key is disabled", noAccess, enableKey},
	{[]string{"KMSInvalidState"}, "key-pending-deletion", "the KMS key is pending deletion", noAccess, keepKey},
	{[]string{"KMS.NotFound"}, "key-missing", "the KMS key does not exist", noAccess, nil},
	{[]string{"not authorized to perform: kms:", "explicit deny"}, "key-policy-deny",
		"a policy denies sessions the use of the KMS key", noAccess, putKeyPolicy},
	{[]string{"not authorized to perform: kms:"}, "key-policy-sessions",
		"the key policy does not let sessions use the KMS key", noAccess, putKeyPolicy},
	{[]string{"s3:CreateAccessPoint"}, "backend-access-points",
		"the backend may not make access points", noNew, putBackendPermissions},
	{[]string{"s3:PutAccessPointPolicy"}, "backend-access-points",
		"the backend may not put the policies of access points", noNew, putBackendPermissions},
	{[]string{"not authorized to perform: iam:GetRole"}, "backend-base-role",
		"the backend may not read the base role", noNew, putBackendPermissions},
	{[]string{"not authorized to perform: iam:"}, "backend-session-policies",
		"the backend may not make session policies", noNew, putBackendPermissions},
	{[]string{"reading role", "NoSuchEntity"}, "base-role-missing", "the base role does not exist", noSessions, nil},
	{[]string{"putting the policy", "MalformedPolicy"}, "base-role-missing", "S3 does not know the base role", noNew, nil},
	{[]string{"AccessDenied", "explicit deny in a resource-based policy"}, "bucket-policy-prefix",
		"the bucket policy denies what comes through the installation's own access points", noAccess, putBucketPolicy},
	{[]string{"AccessDenied", "no session policy allows"}, "session-policy-missing",
		"the session policy does not let sessions do what they must", noAccess, nil},
	{[]string{"AccessDenied", "s3:"}, "bucket-policy-delegation",
		"the bucket policy does not delegate to the installation's access points", noAccess, putBucketPolicy},
	{[]string{"NoSuchBucket"}, "bucket-missing", "the bucket does not exist", noNew, nil},
}

// causeOf names the cause of a failure; "canary-failed" where it is none that is known.
func causeOf(in tenancy.Installation, err error) Finding {
	f := Finding{Code: "canary-failed", Status: Failed, What: "what an organization does does not work", Evidence: err.Error(), Consequence: noAccess}
	var key *otherKey
	switch {
	case errors.As(err, &key):
		f.Code, f.What = "bucket-encryption-other-key", "what is stored is not encrypted with the installation's KMS key"
		f.Consequence, f.Fix = "whoever may use the other key can read it, and key policy and rotation are not the installation's", encryptBucket(in)
		return f
	case errors.Is(err, session.ErrCoordinates):
		f.Code, f.What = "coordinates-wrong", "the secret store does not hold the organization's own coordinates"
		f.Consequence, f.Fix.Text = "the organization is refused, until a reconciliation has put it right", "run managedcasd reconcile --config FILE, and find out who changed it"
		return f
	case errors.Is(err, cloud.ErrLimit) && !strings.Contains(err.Error(), "PackedPolicyTooLarge"):
		f.Code, f.What, f.Consequence = "quota-full", "a quota of the account is used up", noNew
		f.Fix.Text = "request a higher quota in Service Quotas"
		return f
	}
	for _, c := range answers {
		if !c.in(f.Evidence) {
			continue
		}
		f.Code, f.What, f.Consequence = c.code, c.what, c.consequence
		if c.fix != nil {
			f.Fix = c.fix(in)
		}
		return f
	}
	return f
}

func (c cause) in(answer string) bool {
	for _, part := range c.says {
		if !strings.Contains(answer, part) {
			return false
		}
	}
	return true
}

// explained are the subjects, which begin codes, of mistakes that make a canary fail with a
// code of the subject before the colon: what AWS answers names the last of several policies.
var explained = map[string][]string{
	"trust":   {"trust", "base", "workload", "role", "caller"},
	"base":    {"base", "trust"},
	"session": {"session", "backend", "trust", "base"},
	"backend": {"backend", "workload", "role", "session", "base", "bucket", "caller"},
	"bucket":  {"bucket", "base", "access"},
	"key":     {"key", "bucket", "base"},
	"quota":   {"quota"},
	"role":    {"role"},
	"canary":  {"bucket", "key", "base", "trust", "backend", "workload", "role", "session", "access", "caller"},
}

// known reports whether a check that reads has found what explains a failure.
func (c *canary) known(code string) bool {
	about := func(code string) string {
		word, _, _ := strings.Cut(code, "-")
		return word
	}
	for _, f := range c.seen.Findings() {
		if f.Status == Failed && slices.Contains(explained[about(code)], about(f.Code)) {
			return true
		}
	}
	return false
}

func organizations(tenancy.Installation) Fix {
	return Fix{Text: "have whoever administers AWS Organizations except the installation's roles from it; nothing in this account can"}
}

func vpcEndpoint(in tenancy.Installation) Fix {
	return Fix{Text: "add the statements of this document to the policy of the endpoint that the workloads use (aws ec2 modify-vpc-endpoint --policy-document)", Document: compact(in.EndpointPolicy())}
}

func boundary(in tenancy.Installation) Fix {
	return Fix{Text: "run the doctor as an administrator, who sees the boundary and what it lacks; allow that in it, or take it away from the role that the evidence names", Commands: []string{
		"aws iam get-role --role-name " + in.BaseRoleName + " --query Role.PermissionsBoundary",
	}}
}

func putBackendPermissions(in tenancy.Installation) Fix {
	return putPermissions(in.BackendRoleName, in.BackendPermissions())
}

func disableTags(tenancy.Installation) Fix {
	return Fix{Text: "disable the session tags of the workload's EKS Pod Identity association (aws eks update-pod-identity-association --disable-session-tags), or choose backend.managedCas.sessionPolicyMode managed or abac"}
}

func enableKey(in tenancy.Installation) Fix {
	return Fix{Text: "enable the key", Commands: []string{"aws kms enable-key --key-id " + in.KMSKeyARN}}
}

func keepKey(in tenancy.Installation) Fix {
	return Fix{Text: "cancel its deletion, and enable it", Commands: []string{
		"aws kms cancel-key-deletion --key-id " + in.KMSKeyARN, "aws kms enable-key --key-id " + in.KMSKeyARN,
	}}
}

func encryptBucket(in tenancy.Installation) Fix {
	return Fix{Text: "make the installation's key the bucket's default", Commands: []string{
		"aws s3api put-bucket-encryption --bucket " + in.BucketName + " --server-side-encryption-configuration " +
			quoted(`{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"`+in.KMSKeyARN+`"},"BucketKeyEnabled":true,"BlockedEncryptionTypes":{"EncryptionType":["SSE-C"]}}]}`),
	}}
}
