package tenancy_test

import (
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// What single documents say about single requests. That organizations stay apart is
// proven in package isolation; here is the rest of what the documents promise.

const (
	account    = "111122223333"
	bucketARN  = "arn:aws:s3:::chainloop-artifacts"
	keyARN     = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
	ownAP      = "arn:aws:s3:eu-west-1:111122223333:accesspoint/chainloop-" + acme
	ownObject  = acme + "/sha256:00"
	baseRole   = "arn:aws:iam::111122223333:role/chainloop-tenant"
	operator   = "arn:aws:iam::111122223333:role/platform/operator"
	otherUUID  = "0f8fad5b-d9cb-469f-a165-70867728950f"
	tenantSess = "arn:aws:sts::111122223333:assumed-role/chainloop-tenant/cas-" + acme
)

// with builds a context from key, value pairs.
func with(pairs ...string) iam.Context {
	c := iam.Context{}
	for i := 0; i < len(pairs); i += 2 {
		c.Set(pairs[i], pairs[i+1])
	}
	return c
}

// and returns c with more pairs; an empty value removes the key.
func and(c iam.Context, pairs ...string) iam.Context {
	joined := iam.Context{}
	for key, values := range c {
		joined.Set(key, values...)
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			joined.Set(pairs[i])
			continue
		}
		joined.Set(pairs[i], pairs[i+1])
	}
	return joined
}

type decision struct {
	name     string
	action   string
	resource string
	context  iam.Context
	want     iam.Result
	sid      string // of the deciding statement; empty: none
	source   string
}

func check(t *testing.T, principal, role string, set iam.PolicySet, rows []decision) {
	t.Helper()
	for _, row := range rows {
		got := iam.Evaluate(iam.Request{
			Principal: principal, PrincipalRole: role, Account: account,
			Action: row.action, Resource: row.resource, Context: row.context,
		}, set)
		if got.Result != row.want || got.Because[0].Sid != row.sid {
			t.Errorf("%s: %s by %q, want %s by %q (%s)", row.name, got.Result, got.Because[0].Sid, row.want, row.sid, row.source)
		}
	}
}

func TestBucketPolicyDecisions(t *testing.T) {
	t.Parallel()
	set := iam.PolicySet{Resource: &iam.Policy{Name: "bucket", Document: mustNew(t, example()).BucketPolicy()}}
	put := with(
		"aws:PrincipalArn", baseRole, "aws:PrincipalTag/org", acme, "aws:SecureTransport", "true",
		"s3:DataAccessPointArn", ownAP, "s3:DataAccessPointAccount", account,
		"s3:if-none-match", "*", "s3:ObjectCreationOperation", "true")
	list := with(
		"aws:PrincipalArn", baseRole, "aws:PrincipalTag/org", acme, "aws:SecureTransport", "true",
		"s3:DataAccessPointArn", ownAP, "s3:DataAccessPointAccount", account, "s3:prefix", ownObject)
	object := bucketARN + "/" + ownObject
	const sse, sseKey = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
	check(t, tenantSess, baseRole, set, []decision{
		{"own write", "s3:PutObject", object, put, iam.Allowed, "DelegateObjectsToAccessPoints", "facts AWS §2.1"},
		{"own read", "s3:GetObject", object, put, iam.Allowed, "DelegateObjectsToAccessPoints", "facts AWS §2.1"},
		{"own existence check", "s3:ListBucket", bucketARN, list, iam.Allowed, "DelegateListingToAccessPoints", "facts AWS §7.6"},
		{"without TLS", "s3:GetObject", object, and(put, "aws:SecureTransport", "false"), iam.ExplicitlyDenied, "DenyPlainHTTP", "facts AWS §10.1"},
		{"without TLS, from this machine", "s3:GetObject", object, and(put, "aws:SecureTransport", "false", "aws:SourceIp", "127.0.0.1"), iam.ExplicitlyDenied, "DenyPlainHTTP", "real installations know no loopback"},
		{"no access point", "s3:GetObject", object, and(put, "s3:DataAccessPointArn", ""), iam.ExplicitlyDenied, "DenyObjectsOutsideAccessPoints", "facts AWS §3.5 row 5"},
		{"access point of another name", "s3:GetObject", object, and(put, "s3:DataAccessPointArn", "arn:aws:s3:eu-west-1:111122223333:accesspoint/other-x"), iam.ExplicitlyDenied, "DenyObjectsOutsideAccessPoints", "facts AWS §3.5 row 27"},
		{"access point of another account", "s3:GetObject", object, and(put, "s3:DataAccessPointArn", "arn:aws:s3:eu-west-1:999922223333:accesspoint/chainloop-x"), iam.ExplicitlyDenied, "DenyObjectsOutsideAccessPoints", "facts AWS §3.5 row 28"},
		{"access point of another Region", "s3:GetObject", object, and(put, "s3:DataAccessPointArn", "arn:aws:s3:eu-east-1:111122223333:accesspoint/chainloop-x"), iam.ExplicitlyDenied, "DenyObjectsOutsideAccessPoints", "facts AWS §12.6"},
		{"other organization's object", "s3:GetObject", bucketARN + "/" + otherUUID + "/sha256:00", put, iam.ExplicitlyDenied, "DenyObjectsOfOtherOrganizations", "DESIGN §5"},
		{"session without a tag", "s3:GetObject", object, and(put, "aws:PrincipalTag/org", ""), iam.ExplicitlyDenied, "DenyObjectsOfOtherOrganizations", "DESIGN §5: fails closed"},
		{"key that begins like the organization", "s3:GetObject", bucketARN + "/" + acme + "0/sha256:00", put, iam.ExplicitlyDenied, "DenyObjectsOfOtherOrganizations", "DESIGN §5"},
		{"list without a prefix", "s3:ListBucket", bucketARN, and(list, "s3:prefix", ""), iam.ExplicitlyDenied, "DenyListingOfOtherOrganizations", "facts AWS §7.5"},
		{"list of another organization", "s3:ListBucket", bucketARN, and(list, "s3:prefix", otherUUID+"/"), iam.ExplicitlyDenied, "DenyListingOfOtherOrganizations", "facts AWS §7.5"},
		{"list without a tag", "s3:ListBucket", bucketARN, and(list, "aws:PrincipalTag/org", ""), iam.ExplicitlyDenied, "DenyListingOfOtherOrganizations", "DESIGN §5: fails closed"},
		{"list of versions", "s3:ListBucketVersions", bucketARN, list, iam.ImplicitlyDenied, "", "nobody lists versions through an access point"},
		{"delete", "s3:DeleteObject", object, put, iam.ImplicitlyDenied, "", "DESIGN I4"},
		{"tagging", "s3:PutObjectTagging", object, put, iam.ImplicitlyDenied, "", "facts AWS §3.5 row 39"},
		{"overwrite", "s3:PutObject", object, and(put, "s3:if-none-match", ""), iam.ExplicitlyDenied, "DenyOverwrite", "facts AWS §7.2, DESIGN I4"},
		{"what is no artifact", "s3:PutObject", bucketARN + "/" + acme + "/note", and(put, "s3:if-none-match", ""), iam.Allowed, "DelegateObjectsToAccessPoints", "docs/decisions/004"},
		{"part of an upload", "s3:PutObject", object, and(put, "s3:if-none-match", "", "s3:ObjectCreationOperation", "false"), iam.Allowed, "DelegateObjectsToAccessPoints", "facts AWS §7.2"},
		{"this key, named", "s3:PutObject", object, and(put, sse, "aws:kms", sseKey, keyARN), iam.Allowed, "DelegateObjectsToAccessPoints", "facts AWS §6.3"},
		{"another key, named", "s3:PutObject", object, and(put, sse, "aws:kms", sseKey, keyARN+"0"), iam.ExplicitlyDenied, "DenyForeignKeyWhenNamed", "facts AWS §10.1"},
		{"another encryption, named", "s3:PutObject", object, and(put, sse, "AES256"), iam.ExplicitlyDenied, "DenyOtherEncryptionWhenNamed", "facts AWS §10.1"},
		{"customer's own key", "s3:PutObject", object, and(put, "s3:x-amz-server-side-encryption-customer-algorithm", "AES256"), iam.ExplicitlyDenied, "DenyCustomerProvidedKeys", "facts AWS §6.3"},
	})
	check(t, iam.Anonymous, "", set, []decision{
		{"anonymous read", "s3:GetObject", object, with("aws:SecureTransport", "true"), iam.ExplicitlyDenied, "DenyObjectsOutsideAccessPoints", "facts AWS §3.5 row 26"},
		{"anonymous list", "s3:ListBucket", bucketARN, with("aws:SecureTransport", "true"), iam.ExplicitlyDenied, "DenyListingOutsideAccessPoints", "facts AWS §3.5 row 26"},
	})
}

func TestBucketPolicyLeavesAdministratorsTheBucketButNotTheData(t *testing.T) {
	t.Parallel()
	everything := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}}}
	set := iam.PolicySet{
		Identity: []iam.Policy{{Name: "administrator", Document: everything}},
		Resource: &iam.Policy{Name: "bucket", Document: mustNew(t, example()).BucketPolicy()},
	}
	object := bucketARN + "/" + ownObject
	as := func(role string) iam.Context { return with("aws:PrincipalArn", role, "aws:SecureTransport", "true") }
	const admin = "arn:aws:iam::111122223333:role/admin"
	check(t, "arn:aws:sts::111122223333:assumed-role/admin/me", admin, set, []decision{
		{"repair the policy", "s3:PutBucketPolicy", bucketARN, as(admin), iam.Allowed, "", "facts AWS §3.5 row 24"},
		{"read", "s3:GetObject", object, as(admin), iam.ExplicitlyDenied, "DenyObjectsOutsideAccessPoints", "facts AWS §3.5 row 23"},
		{"list", "s3:ListBucket", bucketARN, as(admin), iam.ExplicitlyDenied, "DenyListingOutsideAccessPoints", "facts AWS §10.1"},
	})
	check(t, "arn:aws:sts::111122223333:assumed-role/operator/me", operator, set, []decision{
		{"operator's list", "s3:ListBucket", bucketARN, as(operator), iam.Allowed, "", "operator's guide, Verify"},
		{"operator's read", "s3:GetObject", object, as(operator), iam.ExplicitlyDenied, "DenyObjectsOutsideAccessPoints", "nobody is exempt for objects"},
		{"operator's delete", "s3:DeleteObject", object, as(operator), iam.ExplicitlyDenied, "DenyObjectsOutsideAccessPoints", "nobody is exempt for objects"},
	})
}

// The embedded AWS has no TLS: plain HTTP passes from this machine, and only from it.
func TestLoopbackBucketPolicy(t *testing.T) {
	t.Parallel()
	set := iam.PolicySet{Resource: &iam.Policy{Name: "bucket", Document: mustNew(t, loopback()).BucketPolicy()}}
	plain := with(
		"aws:PrincipalArn", baseRole, "aws:PrincipalTag/org", acme, "aws:SecureTransport", "false", "aws:SourceIp", "127.0.0.1",
		"s3:DataAccessPointArn", ownAP, "s3:DataAccessPointAccount", account)
	object := bucketARN + "/" + ownObject
	check(t, tenantSess, baseRole, set, []decision{
		{"IPv4 loopback", "s3:GetObject", object, plain, iam.Allowed, "DelegateObjectsToAccessPoints", "RFC 1122 §3.2.1.3"},
		{"IPv6 loopback", "s3:GetObject", object, and(plain, "aws:SourceIp", "::1"), iam.Allowed, "DelegateObjectsToAccessPoints", "RFC 4291 §2.5.3"},
		{"the network", "s3:GetObject", object, and(plain, "aws:SourceIp", "192.0.2.1"), iam.ExplicitlyDenied, "DenyPlainHTTP", "RFC 5737"},
		{"no address", "s3:GetObject", object, and(plain, "aws:SourceIp", ""), iam.ExplicitlyDenied, "DenyPlainHTTP", "missing key, negated operator"},
		{"the network, with TLS", "s3:GetObject", object, and(plain, "aws:SourceIp", "192.0.2.1", "aws:SecureTransport", "true"), iam.Allowed, "DelegateObjectsToAccessPoints", "TLS is always welcome"},
	})
}

func TestKeyPolicyDecisions(t *testing.T) {
	t.Parallel()
	in := mustNew(t, example())
	everything := []iam.Policy{{Name: "everything", Document: &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}}}}}
	set := iam.PolicySet{Identity: everything, Resource: &iam.Policy{Name: "key", Document: in.KeyPolicy()}, RequireResource: true}
	through := with("kms:ViaService", "s3.eu-west-1.amazonaws.com", "kms:CallerAccount", account,
		"kms:EncryptionContext:aws:s3:arn", bucketARN, "aws:PrincipalArn", baseRole, "aws:PrincipalTag/org", acme)
	check(t, tenantSess, baseRole, set, []decision{
		{"with a Bucket Key", "kms:Decrypt", keyARN, through, iam.Allowed, "SessionsUseKeyThroughS3", "facts AWS §6.3"},
		{"own object", "kms:GenerateDataKey", keyARN, and(through, "kms:EncryptionContext:aws:s3:arn", bucketARN+"/"+ownObject), iam.Allowed, "SessionsUseKeyThroughS3", "facts AWS §6.3"},
		{"another's object", "kms:Decrypt", keyARN, and(through, "kms:EncryptionContext:aws:s3:arn", bucketARN+"/"+otherUUID+"/x"), iam.ImplicitlyDenied, "", "facts AWS §6.3"},
		{"another bucket", "kms:Decrypt", keyARN, and(through, "kms:EncryptionContext:aws:s3:arn", "arn:aws:s3:::other"), iam.ImplicitlyDenied, "", "facts AWS §10.2"},
		{"directly", "kms:Decrypt", keyARN, and(through, "kms:ViaService", ""), iam.ExplicitlyDenied, "DenyKeyUseOutsideS3", "facts AWS §10.2"},
		{"a grant", "kms:CreateGrant", keyARN, and(through, "kms:ViaService", ""), iam.ExplicitlyDenied, "DenyKeyUseOutsideS3", "facts AWS §10.2"},
	})
	backend := and(through, "aws:PrincipalArn", in.BackendRoleARN(), "aws:PrincipalTag/org", "")
	check(t, "arn:aws:sts::111122223333:assumed-role/chainloop-backend/pod", in.BackendRoleARN(), set, []decision{
		{"backend looks at the key", "kms:DescribeKey", keyARN, and(backend, "kms:ViaService", ""), iam.Allowed, "BackendChecksKey", "operator's guide, Create the KMS Key"},
		{"backend through S3", "kms:GenerateDataKey", keyARN, backend, iam.Allowed, "BackendUsesKeyThroughS3", "operator's guide, Create the KMS Key"},
		{"backend directly", "kms:Decrypt", keyARN, and(backend, "kms:ViaService", ""), iam.ExplicitlyDenied, "DenyKeyUseOutsideS3", "least privilege"},
		{"backend, an object's own context", "kms:Decrypt", keyARN, and(backend, "kms:EncryptionContext:aws:s3:arn", bucketARN+"/"+ownObject), iam.ImplicitlyDenied, "", "least privilege"},
	})
	admin := with("aws:PrincipalArn", "arn:aws:iam::111122223333:role/admin")
	check(t, "arn:aws:sts::111122223333:assumed-role/admin/me", "arn:aws:iam::111122223333:role/admin", set, []decision{
		{"administrator repairs the policy", "kms:PutKeyPolicy", keyARN, admin, iam.Allowed, "AccountManagesKey", "facts AWS §6.2"},
		{"administrator decrypts", "kms:Decrypt", keyARN, admin, iam.ImplicitlyDenied, "", "an administrator's kms:* does not read artifacts"},
		{"administrator grants", "kms:CreateGrant", keyARN, admin, iam.ImplicitlyDenied, "", "an administrator's kms:* does not read artifacts"},
	})
}

func TestWorkloadDecisions(t *testing.T) {
	t.Parallel()
	in := mustNew(t, example())
	here := with("aws:RequestedRegion", "eu-west-1")
	const pod = "arn:aws:sts::111122223333:assumed-role/chainloop-backend/pod"
	backend := iam.PolicySet{Identity: []iam.Policy{{Name: "backend", Document: in.BackendPermissions()}}}
	tenant := in.Tenant(mustID(t, acme))
	check(t, pod, in.BackendRoleARN(), backend, []decision{
		{"create an access point", "s3:CreateAccessPoint", ownAP, here, iam.Allowed, "AccessPointLifecycle", "operator's guide"},
		{"write its policy", "s3:PutAccessPointPolicy", ownAP, here, iam.Allowed, "AccessPointLifecycle", "operator's guide"},
		{"another installation's access point", "s3:PutAccessPointPolicy", "arn:aws:s3:eu-west-1:111122223333:accesspoint/other-x", here, iam.ImplicitlyDenied, "", "facts AWS §10.6"},
		{"read access points", "s3:GetAccessPoint", ownAP, here, iam.Allowed, "AccessPointReads", "facts AWS §12.22"},
		{"read access points elsewhere", "s3:ListAccessPoints", "*", with("aws:RequestedRegion", "us-east-1"), iam.ImplicitlyDenied, "", "least privilege"},
		{"create a session policy", "iam:CreatePolicy", tenant.SessionPolicyARN(), here, iam.Allowed, "SessionPolicyLifecycle", "operator's guide"},
		{"another policy", "iam:CreatePolicyVersion", "arn:aws:iam::111122223333:policy/AdminAccess", here, iam.ImplicitlyDenied, "", "facts AWS §10.6"},
		{"attach a policy", "iam:AttachRolePolicy", in.BackendRoleARN(), here, iam.ExplicitlyDenied, "NeverGrant", "facts AWS §10.6"},
		{"rewrite a trust policy", "iam:UpdateAssumeRolePolicy", in.BaseRoleARN(), here, iam.ExplicitlyDenied, "NeverGrant", "facts AWS §10.6"},
		{"rewrite the bucket policy", "s3:PutBucketPolicy", bucketARN, here, iam.ExplicitlyDenied, "NeverGrant", "facts AWS §10.6"},
		{"read the role's id", "iam:GetRole", in.BaseRoleARN(), here, iam.Allowed, "ReadRoles", "DESIGN §5"},
		{"read a workload's policy", "iam:GetRolePolicy", in.CASRoleARN(), here, iam.Allowed, "ReadRoles", "docs/doctor.md"},
		{"read another role", "iam:GetRole", "arn:aws:iam::111122223333:role/admin", here, iam.ImplicitlyDenied, "", "least privilege"},
		{"read what a policy of a role says", "iam:GetPolicyVersion", "arn:aws:iam::111122223333:policy/AdminAccess", here, iam.ImplicitlyDenied, "", "least privilege"},
		{"read the key's policy", "kms:GetKeyPolicy", keyARN, here, iam.Allowed, "ReadKey", "docs/doctor.md"},
		{"read another key's policy", "kms:GetKeyPolicy", keyARN + "0", here, iam.ImplicitlyDenied, "", "least privilege"},
		{"read the bucket's policy", "s3:GetBucketPolicy", bucketARN, here, iam.Allowed, "ReadBucketConfiguration", "docs/doctor.md"},
		{"read another bucket's policy", "s3:GetBucketPolicy", bucketARN + "0", here, iam.ImplicitlyDenied, "", "least privilege"},
		{"list the bucket", "s3:ListBucket", bucketARN, here, iam.ExplicitlyDenied, "NoDirectData", "DESIGN §2"},
		{"change the bucket's encryption", "s3:PutEncryptionConfiguration", bucketARN, here, iam.ImplicitlyDenied, "", "least privilege"},
		{"change the key's policy", "kms:PutKeyPolicy", keyARN, here, iam.ImplicitlyDenied, "", "least privilege"},
		{"read the policy quota", "iam:GetAccountSummary", "*", here, iam.Allowed, "PolicyListingAndQuota", "facts AWS §5"},
		{"become an organization", "sts:AssumeRole", in.BaseRoleARN(), here, iam.Allowed, "BecomeOneOrganization", "operator's guide"},
		{"become anything else", "sts:AssumeRole", in.CASRoleARN(), here, iam.ImplicitlyDenied, "", "least privilege"},
		{"read an artifact", "s3:GetObject", ownAP + "/object/" + ownObject, here, iam.ExplicitlyDenied, "NoDirectData", "DESIGN §2"},
	})
	controlplane := iam.PolicySet{Identity: []iam.Policy{{Name: "controlplane", Document: in.ControlplanePermissions()}}}
	check(t, "arn:aws:sts::111122223333:assumed-role/chainloop-controlplane/pod", in.ControlplaneRoleARN(), controlplane, []decision{
		{"become an organization", "sts:AssumeRole", in.BaseRoleARN(), here, iam.Allowed, "BecomeOneOrganization", "operator's guide"},
		{"tag the session", "sts:TagSession", in.BaseRoleARN(), here, iam.Allowed, "BecomeOneOrganization", "operator's guide"},
		{"create an access point", "s3:CreateAccessPoint", ownAP, here, iam.ExplicitlyDenied, "NeverManage", "DESIGN §2"},
		{"write a session policy", "iam:CreatePolicyVersion", tenant.SessionPolicyARN(), here, iam.ExplicitlyDenied, "NeverManage", "DESIGN §2"},
		{"read a role", "iam:GetRole", in.BaseRoleARN(), here, iam.ExplicitlyDenied, "NeverManage", "least privilege"},
		{"read the bucket's policy", "s3:GetBucketPolicy", bucketARN, here, iam.ImplicitlyDenied, "", "least privilege"},
		{"read the key's policy", "kms:GetKeyPolicy", keyARN, here, iam.ImplicitlyDenied, "", "least privilege"},
		{"read an artifact", "s3:GetObject", ownAP + "/object/" + ownObject, here, iam.ExplicitlyDenied, "NoDirectData", "DESIGN §2"},
	})
}

// The base role alone, without a session policy: the tag decides, and no wildcard
// reaches over a slash into somebody else's keys.
func TestBaseRoleDecisions(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]tenancy.Installation{"dashed": example(), "undashed": longPrefix()} {
		in := mustNew(t, given)
		set := iam.PolicySet{Identity: []iam.Policy{{Name: "base role", Document: in.BaseRolePermissions()}}}
		own, other := in.Tenant(mustID(t, acme)), in.Tenant(mustID(t, otherUUID))
		tagged := with("aws:PrincipalTag/org", acme)
		object := own.APARN() + "/object/" + ownObject
		theirs := other.APARN() + "/object/" + otherUUID + "/"
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, tenantSess, baseRole, set, []decision{
				{"own object", "s3:GetObject", object, tagged, iam.Allowed, "OwnArtifacts", "facts AWS §5.1"},
				{"no tag", "s3:GetObject", object, nil, iam.ImplicitlyDenied, "", "facts AWS §5.1: unresolvable variable"},
				{"tag that is a wildcard", "s3:GetObject", object, with("aws:PrincipalTag/org", "*"), iam.ImplicitlyDenied, "", "facts AWS §3.4: values do not glob"},
				{"another's object", "s3:GetObject", theirs + "x", tagged, iam.ImplicitlyDenied, "", "DESIGN I8c"},
				{"another's object through the own access point", "s3:GetObject", own.APARN() + "/object/" + otherUUID + "/x", tagged, iam.ImplicitlyDenied, "", "facts AWS §12.2"},
				{"another's object that looks like an own one", "s3:GetObject", theirs + "object/" + acme + "/x", tagged, iam.ImplicitlyDenied, "", "facts AWS §3.4: * matches across /"},
				{"the same through the own access point", "s3:GetObject", own.APARN() + "/object/" + otherUUID + "/object/" + acme + "/x", tagged, iam.ImplicitlyDenied, "", "facts AWS §3.4: * matches across /"},
				{"own listing", "s3:ListBucket", own.APARN(), and(tagged, "s3:prefix", ownObject), iam.Allowed, "OwnListing", "facts AWS §7.6"},
				{"listing without a prefix", "s3:ListBucket", own.APARN(), tagged, iam.ImplicitlyDenied, "", "facts AWS §7.5"},
				{"another's listing", "s3:ListBucket", own.APARN(), and(tagged, "s3:prefix", otherUUID+"/"), iam.ImplicitlyDenied, "", "facts AWS §7.5"},
				{"delete", "s3:DeleteObject", object, tagged, iam.ImplicitlyDenied, "", "DESIGN I4"},
				{"the key, directly", "kms:Decrypt", keyARN, tagged, iam.ImplicitlyDenied, "", "facts AWS §10.4"},
			})
		})
	}
}
