package doctor

import (
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// policyDenies asks for what nobody may do to what is in the bucket.
func policyDenies(o Observation) ([]Finding, error) {
	policy, err := o.policyOfBucket()
	if err != nil {
		return nil, err
	}
	in := o.Installation
	leaks := slices.Concat(purgeLeaks(in, policy), wayLeaks(in, policy), writeLeaks(in), tenantLeaks(in))
	return admitted(in, policy, in.BucketPolicy(), leaks, putBucketPolicy(in)), nil
}

// wayLeaks are about the way to the objects: through the installation's access points,
// encrypted, or not at all.
func wayLeaks(in tenancy.Installation, policy *iam.Document) []leak {
	admin, t := administrator(in), fresh(in)
	foreign := in
	foreign.AccountID = anotherAccount(in)
	return []leak{
		{
			code:        "bucket-policy-plain-http",
			firm:        true,
			what:        "the bucket policy accepts requests in plain HTTP",
			consequence: "artifacts, and what authorizes requests, can be read on the way",
			asks:        inPlainHTTP(everyAsk(organization(in, t), t.APARN(), t)),
		},
		{
			code:        "bucket-policy-direct-access",
			what:        "the bucket policy lets requests for objects through that come through no access point",
			consequence: "whoever IAM allows it, as an administrator, reads and changes every organization's artifacts",
			asks:        objectAsks(admin, "", t),
		},
		{
			code:        "bucket-policy-direct-listing",
			what:        "the bucket policy lets listings through that come through no access point",
			consequence: "whoever IAM allows it lists the artifacts of every organization",
			asks:        slices.Concat(listAsks(admin, "", t), listAsks(named(in.ControlplaneRoleARN()), "", t)),
		},
		{
			code:        "bucket-policy-exception",
			what:        "the bucket policy excepts somebody from what it denies to everybody",
			consequence: "who is excepted needs no access point to reach every organization's artifacts",
			asks:        exceptedAsks(admin, policy, t),
			after:       []string{"bucket-policy-direct-access", "bucket-policy-direct-listing", "bucket-policy-purge-wide"},
		},
		{
			code:        "bucket-policy-prefix-wide",
			what:        "the bucket policy lets access points through that are not the installation's",
			consequence: "whoever may create access points makes one without a policy, and reaches every organization's artifacts",
			asks: slices.Concat(everyAsk(admin, strings.TrimSuffix(in.APARNPattern(), in.APPrefix+"*")+"0-not-"+in.APPrefix+"x", t),
				everyAsk(admin, strings.TrimSuffix(in.APARNPattern(), in.APPrefix+"*")+almost(in.APPrefix), t)),
			after: []string{"bucket-policy-direct-access", "bucket-policy-direct-listing"},
		},
		{
			code:        "bucket-policy-foreign-access-points",
			what:        "the bucket policy lets access points of other accounts through",
			consequence: "another account makes an access point for the bucket, under a name that it chooses",
			asks: slices.Concat(everyAsk(admin, foreign.Tenant(t.ID()).APARN(), t),
				everyAsk(outsider(in), foreign.Tenant(t.ID()).APARN(), t)),
			after: []string{"bucket-policy-direct-access", "bucket-policy-direct-listing", "bucket-policy-prefix-wide"},
		},
	}
}

// almost is a name that begins with all of the prefix but its last character.
func almost(prefix string) string {
	end := "0"
	if strings.HasSuffix(prefix, end) {
		end = "1"
	}
	return prefix[:len(prefix)-1] + end + "x"
}

// writeLeaks are about how artifacts are written.
func writeLeaks(in tenancy.Installation) []leak {
	t := fresh(in)
	writing := func(pairs ...string) []ask {
		with := write()
		for key, values := range keys(pairs...) {
			with.Set(key, values...)
		}
		return []ask{bucketAsk{by: unlimited(in, t), action: "s3:PutObject", key: artifact(t), through: t.APARN(), with: with}}
	}
	const sse = "s3:x-amz-server-side-encryption"
	return []leak{
		{
			code:        "bucket-policy-overwrite",
			firm:        true,
			what:        "the bucket policy accepts writes that replace an artifact",
			consequence: "who holds a session replaces what others trust by its digest",
			asks: []ask{bucketAsk{by: unlimited(in, t), action: "s3:PutObject", key: artifact(t), through: t.APARN(),
				with: keys("s3:ObjectCreationOperation", "true")}},
		},
		{
			code:        "bucket-policy-other-encryption",
			firm:        true,
			what:        "the bucket policy accepts writes with another encryption than SSE-KMS",
			consequence: "artifacts are stored that the key's policy does not protect",
			asks:        slices.Concat(writing(sse, "AES256"), writing(sse, "aws:kms:dsse")),
		},
		{
			code:        "bucket-policy-foreign-key",
			firm:        true,
			what:        "the bucket policy accepts writes under another key than the installation's",
			consequence: "who holds a session stores artifacts that only the owner of that key can read, or hold to ransom",
			asks:        writing(sse, "aws:kms", sse+"-aws-kms-key-id", in.KMSKeyARN+"0"),
		},
		{
			code:        "bucket-policy-customer-keys",
			firm:        true,
			what:        "the bucket policy accepts writes under keys that clients bring (SSE-C)",
			consequence: "who holds a session stores artifacts that nobody else can read",
			asks:        writing(sse+"-customer-algorithm", "AES256"),
		},
	}
}

// tenantLeaks are about sessions of the base role, whatever else lets them do.
func tenantLeaks(in tenancy.Installation) []leak {
	t, o := fresh(in), other(in)
	session := unlimited(in, t)
	return []leak{
		{
			code:        "bucket-policy-other-organizations",
			firm:        true,
			what:        "the bucket policy lets a session reach artifacts of other organizations",
			consequence: "isolation hangs on the access points' policies and the sessions' alone",
			asks: slices.Concat(objectAsks(session, t.APARN(), o), objectAsks(session, o.APARN(), o),
				listAsks(session, t.APARN(), o), listAsks(session, o.APARN(), o)),
		},
		{
			code:        "bucket-policy-delegates-too-much",
			grants:      true,
			after:       []string{"bucket-policy-other-organizations"},
			what:        "the bucket policy delegates more to access points than organizations need",
			consequence: "an access point's policy alone decides whether artifacts are deleted or tagged",
			asks: slices.Concat(objectAsks(organization(in, t), t.APARN(), t), listAsks(organization(in, t), t.APARN(), o),
				listAsks(organization(in, t), t.APARN(), t)),
		},
	}
}

// purgeLeaks are about the purge role, if there is one, whatever else it is allowed. A policy
// that does not know it holds it back from its own, which is said elsewhere.
func purgeLeaks(in tenancy.Installation, policy *iam.Document) []leak {
	if !in.Purges() || len(purgeShutOut(in, policy)) > 0 {
		return nil
	}
	t, o := fresh(in), other(in)
	by := purger(in, t)
	by.identity = everythingAllowed()
	return []leak{{
		code:        "bucket-policy-purge-wide",
		what:        "the bucket policy lets a purge reach more than what it purges",
		consequence: "whoever has the backend's identity, and one more policy, reads or deletes what belongs to living organizations",
		asks:        slices.Concat(everyAsk(by, "", o), everyAsk(by, o.APARN(), o), everyAsk(by, "", t)),
	}}
}
