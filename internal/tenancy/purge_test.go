package tenancy_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const (
	purgeRole = "arn:aws:iam::111122223333:role/chainloop-tenant-purge"
	purgeSess = "arn:aws:sts::111122223333:assumed-role/chainloop-tenant-purge/purge-" + acme
)

func purging(t *testing.T) tenancy.Installation {
	t.Helper()
	in := example()
	in.PurgeRoleName = "chainloop-tenant-purge"
	return mustNew(t, in)
}

// An installation that does not purge has the documents that it always had; in one that
// does, nothing that was denied to anybody else is allowed.
func TestPurgeChangesNothingForOthers(t *testing.T) {
	t.Parallel()
	without, with := mustNew(t, example()), purging(t)
	for _, d := range without.Documents() {
		text, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("urge")) {
			t.Errorf("%s mentions a purge in an installation without one:\n%s", d.Name, text)
		}
	}
	same := func(name string, a, b *iam.Document) {
		if !bytes.Equal(a.Canonical(), b.Canonical()) {
			t.Errorf("%s is another one where there is a purge", name)
		}
	}
	same("base role trust", without.BaseRoleTrust(), with.BaseRoleTrust())
	same("base role permissions", without.BaseRolePermissions(), with.BaseRolePermissions())
	same("controlplane permissions", without.ControlplanePermissions(), with.ControlplanePermissions())
	same("cas permissions", without.CASPermissions(), with.CASPermissions())
	same("key policy", without.KeyPolicy(), with.KeyPolicy())
	tenant, purged := without.Tenant(mustID(t, acme)), with.Tenant(mustID(t, acme))
	same("session policy", tenant.SessionPolicy(), purged.SessionPolicy())
	same("access point policy", tenant.APPolicy("AROA"), purged.APPolicy("AROA"))
	if strings.Count(string(with.BucketPolicy().Canonical()), purgeRole) != 5 {
		t.Error("the bucket policy names the purge role in two exceptions and three denials; that has changed")
	}
}

// What the purge role can do in the bucket: its own policy and the bucket's together.
func TestPurgeRoleDecisions(t *testing.T) {
	t.Parallel()
	in := purging(t)
	set := iam.PolicySet{
		Identity: []iam.Policy{{Name: "purge role", Document: in.PurgeRolePermissions()}},
		Resource: &iam.Policy{Name: "bucket", Document: in.BucketPolicy()},
	}
	base := with("aws:PrincipalArn", purgeRole, "aws:PrincipalTag/purge", acme, "aws:SecureTransport", "true")
	list := and(base, "s3:prefix", acme+"/")
	own, other := bucketARN+"/"+ownObject, bucketARN+"/"+otherUUID+"/sha256:00"
	const (
		actions = "service authorization reference of Amazon S3"
		tags    = "IAM, policy variables: an absent tag resolves to nothing"
	)
	rows := []decision{
		{"a version of its organization", "s3:DeleteObjectVersion", own, base, iam.Allowed, "PurgeObjects", actions},
		{"an upload of its organization", "s3:AbortMultipartUpload", own, base, iam.Allowed, "PurgeObjects", actions},
		{"its list", "s3:ListBucketVersions", bucketARN, list, iam.Allowed, "PurgeListing", actions},
		{"another's version", "s3:DeleteObjectVersion", other, base, iam.ExplicitlyDenied, "DenyPurgeOfOtherOrganizations", "DESIGN I8"},
		{"a key that begins like its own", "s3:DeleteObjectVersion", bucketARN + "/" + acme + "0/x", base, iam.ExplicitlyDenied, "DenyPurgeOfOtherOrganizations", "DESIGN I8"},
		{"another's upload", "s3:AbortMultipartUpload", other, base, iam.ExplicitlyDenied, "DenyPurgeOfOtherOrganizations", "DESIGN I8"},
		{"another's list", "s3:ListBucketVersions", bucketARN, and(list, "s3:prefix", otherUUID+"/"), iam.ExplicitlyDenied, "DenyPurgeListingOfOtherOrganizations", "DESIGN I8"},
		{"the list of all", "s3:ListBucketVersions", bucketARN, base, iam.ExplicitlyDenied, "DenyPurgeListingOfOtherOrganizations", "facts AWS §7.5"},
		{"without a tag", "s3:DeleteObjectVersion", own, and(base, "aws:PrincipalTag/purge", ""), iam.ExplicitlyDenied, "DenyPurgeOfOtherOrganizations", tags},
		{"a list without a tag", "s3:ListBucketVersions", bucketARN, and(list, "aws:PrincipalTag/purge", ""), iam.ExplicitlyDenied, "DenyPurgeListingOfOtherOrganizations", tags},
		{"with the tag of a tenant's session", "s3:DeleteObjectVersion", own, and(base, "aws:PrincipalTag/purge", "", "aws:PrincipalTag/org", acme), iam.ExplicitlyDenied, "DenyPurgeOfOtherOrganizations", tags},
		{"without TLS", "s3:DeleteObjectVersion", own, and(base, "aws:SecureTransport", "false"), iam.ExplicitlyDenied, "DenyPlainHTTP", "facts AWS §10.1"},
	}
	for _, action := range []string{
		"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:PutObjectTagging", "s3:RestoreObject",
		"s3:ListMultipartUploadParts", "s3:BypassGovernanceRetention", "s3:ReplicateDelete", "s3:PutObjectRetention",
	} {
		rows = append(rows, decision{"its own: " + action, action, own, base, iam.ExplicitlyDenied, "DenyPurgeRoleAnythingElse", actions})
	}
	for _, action := range []string{"s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:PutBucketPolicy", "s3:DeleteBucket", "s3:PutLifecycleConfiguration"} {
		rows = append(rows, decision{"the bucket: " + action, action, bucketARN, list, iam.ExplicitlyDenied, "DenyPurgeRoleAnythingElse", actions})
	}
	check(t, purgeSess, purgeRole, set, rows)

	// Whatever is attached to the role later.
	set.Identity = []iam.Policy{{Name: "administrator", Document: &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{
		{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}},
	}}}}
	check(t, purgeSess, purgeRole, set, rows[3:10])
	check(t, purgeSess, purgeRole, set, rows[12:])

	// Nobody else deletes, however much IAM allows.
	for _, who := range []struct{ principal, role string }{
		{"arn:aws:sts::111122223333:assumed-role/chainloop-backend/pod", "arn:aws:iam::111122223333:role/chainloop-backend"},
		{"arn:aws:sts::111122223333:assumed-role/administrator/me", "arn:aws:iam::111122223333:role/administrator"},
		{tenantSess, baseRole},
		{"arn:aws:sts::111122223333:assumed-role/chainloop-tenant-purger/purge-" + acme, purgeRole + "r"},
	} {
		c := and(base, "aws:PrincipalArn", who.role)
		check(t, who.principal, who.role, set, []decision{
			{who.role, "s3:DeleteObjectVersion", own, c, iam.ExplicitlyDenied, "DenyObjectsOutsideAccessPoints", "facts AWS §3.5 row 5"},
			{who.role, "s3:ListBucketVersions", bucketARN, and(c, "s3:prefix", acme+"/"), iam.ExplicitlyDenied, "DenyListingOutsideAccessPoints", "facts AWS §7.5"},
		})
	}
	check(t, "anonymous", "", iam.PolicySet{Resource: set.Resource}, []decision{
		{"anonymous", "s3:DeleteObjectVersion", own, with("aws:SecureTransport", "true"), iam.ExplicitlyDenied, "DenyObjectsOutsideAccessPoints", "a negated operator holds without its key"},
	})
}

func TestPurgeRoleNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"": true, "a": true, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
		"a/b": false, "arn:aws:iam::111122223333:role/a": false, "purge*": false,
		example().BaseRoleName: false, strings.ToUpper(example().BackendRoleName): false, example().ControlplaneRoleName: false,
	} {
		in := example()
		in.PurgeRoleName = name
		if _, err := tenancy.New(in); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	in := example()
	in.PurgeRoleName = "purge"
	in.OperatorARNs = append(in.OperatorARNs, "arn:aws:iam::111122223333:role/purge")
	if _, err := tenancy.New(in); err == nil {
		t.Error("the purge role is an operator")
	}
	a, b := purging(t), purging(t)
	b.BucketName, b.BaseRoleName, b.APPrefix, b.SessionPolicyPrefix = "another", "another", "another-", "another-"
	if why, overlap := tenancy.Overlaps(a, b); !overlap || !strings.Contains(why, "purge role") {
		t.Errorf("%q, %t", why, overlap)
	}
}
