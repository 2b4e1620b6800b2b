package doctor

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// What gets past the bucket policy. One mistake is one finding, and organizations still
// get through.
func TestBucketPolicyDenials(t *testing.T) {
	t.Parallel()
	everybody := &iam.Principals{Any: true}
	objects, listing := "DenyObjectsOutsideAccessPoints", "DenyListingOutsideAccessPoints"
	foreign := &iam.Principals{AWS: []string{"arn:aws:iam::999922223333:root"}}
	except := func(operator, key string, values ...string) func(*iam.Document) *iam.Document {
		return statement(objects, func(st *iam.Statement) {
			st.Conditions = append(st.Conditions, iam.Condition{Operator: operator, Key: key, Values: values})
		})
	}
	for name, test := range map[string]struct {
		change func(*iam.Document) *iam.Document
		want   string
		shows  string // in the evidence
	}{
		"plain HTTP":                      {dropped("DenyPlainHTTP"), "bucket-policy-plain-http", "in plain HTTP"},
		"objects without an access point": {dropped(objects), "bucket-policy-direct-access", "s3:GetObject by an administrator of the account, without an access point"},
		"deletion without one":            {statement(objects, func(st *iam.Statement) { st.Actions = []string{"s3:GetObject*", "s3:PutObject*"} }), "bucket-policy-direct-access", "s3:DeleteObject"},
		"listing without one":             {dropped(listing), "bucket-policy-direct-listing", "s3:ListBucket"},
		"listing of versions without one": {statement(listing, func(st *iam.Statement) { st.Actions = []string{"s3:ListBucket"} }), "bucket-policy-direct-listing", "s3:ListBucketVersions"},
		"a person who is excepted":        {except("ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::111122223333:user/boss"), "bucket-policy-exception", "user/boss"},
		"roles that are excepted":         {except("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/ops-*"), "bucket-policy-exception", "role/ops-x"},
		"a user id that is excepted":      {except("StringNotLike", "aws:userid", "AROABREAKGLASS0000001:*"), "bucket-policy-exception", "AROABREAKGLASS0000001"},
		"a network that is excepted":      {except("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"), "bucket-policy-exception", "10.0.0.0"},
		"a tag that excepts":              {except("Null", "aws:PrincipalTag/breakglass", "true"), "bucket-policy-exception", "breakglass"},
		"keys of artifacts only":          {statement(objects, func(st *iam.Statement) { st.Resources = []string{"arn:aws:s3:::artifacts/*/sha256:*"} }), "bucket-policy-direct-access", "s3:GetObject"},
		"another operator":                {statement(listing, condition("aws:PrincipalArn", "ArnNotEquals", "arn:aws:iam::111122223333:role/platform/operator", "arn:aws:iam::111122223333:role/other")), "bucket-policy-exception", "role/other"},
		"NotPrincipal": {statement(objects, func(st *iam.Statement) {
			st.Principals, st.NotPrincipals = nil, &iam.Principals{AWS: []string{"111122223333", "arn:aws:iam::111122223333:user/boss"}}
		}), "bucket-policy-exception", "user/boss"},
		"every access point":               {replaced(t, "accesspoint/cas-*", "accesspoint/*"), "bucket-policy-prefix-wide", "accesspoint/0-not-cas-x"},
		"a prefix that is cut":             {replaced(t, "accesspoint/cas-*", "accesspoint/cas*"), "bucket-policy-prefix-wide", "accesspoint/cas0x"},
		"every account":                    {replaced(t, "arn:aws:s3:eu-west-1:111122223333:accesspoint/cas-*", "arn:aws:s3:eu-west-1:*:accesspoint/cas-*"), "bucket-policy-foreign-access-points", "000000000000:accesspoint/cas-"},
		"overwriting":                      {dropped("DenyOverwrite"), "bucket-policy-overwrite", "s3:PutObject by a session of the base role"},
		"another encryption":               {dropped("DenyOtherEncryptionWhenNamed"), "bucket-policy-other-encryption", "s3:PutObject"},
		"two layers of KMS":                {replaced(t, `"s3:x-amz-server-side-encryption":["aws:kms"]`, `"s3:x-amz-server-side-encryption":["aws:kms","aws:kms:dsse"]`, `"s3:x-amz-server-side-encryption":"aws:kms"`, `"s3:x-amz-server-side-encryption":["aws:kms","aws:kms:dsse"]`), "bucket-policy-other-encryption", "s3:PutObject"},
		"another key":                      {dropped("DenyForeignKeyWhenNamed"), "bucket-policy-foreign-key", "s3:PutObject"},
		"keys of clients":                  {dropped("DenyCustomerProvidedKeys"), "bucket-policy-customer-keys", "s3:PutObject"},
		"other organizations' objects":     {dropped("DenyObjectsOfOtherOrganizations"), "bucket-policy-other-organizations", "s3:GetObject by a session of the base role"},
		"other organizations' names":       {dropped("DenyListingOfOtherOrganizations"), "bucket-policy-other-organizations", "s3:ListBucket"},
		"any prefix of names":              {statement("DenyListingOfOtherOrganizations", condition("s3:prefix", "StringNotLike", "*")), "bucket-policy-other-organizations", "s3:ListBucket"},
		"deletion":                         {statement("DelegateObjectsToAccessPoints", func(st *iam.Statement) { st.Actions = []string{"s3:*"} }), "bucket-policy-delegates-too-much", "s3:DeleteObject"},
		"listing everything":               {statement("DelegateListingToAccessPoints", withoutKey("Null")), "", ""},
		"nobody may repair":                {added(iam.Statement{Effect: iam.Deny, Principals: everybody, Actions: []string{"s3:PutBucketPolicy"}, Resources: []string{"arn:aws:s3:::artifacts"}}), "bucket-policy-lockout", "s3:PutBucketPolicy"},
		"nobody may set the lifecycle":     {added(iam.Statement{Effect: iam.Deny, Principals: everybody, Actions: []string{"s3:Put*Configuration"}, Resources: []string{"arn:aws:s3:::artifacts"}}), "bucket-policy-lockout", "s3:PutLifecycleConfiguration"},
		"one may repair":                   {added(iam.Statement{Effect: iam.Deny, Principals: everybody, Actions: []string{"s3:PutBucketPolicy"}, Resources: []string{"arn:aws:s3:::artifacts"}, Conditions: []iam.Condition{{Operator: "ArnNotEquals", Key: "aws:PrincipalArn", Values: []string{"arn:aws:iam::111122223333:role/deployer"}}}}), "", ""},
		"an operator who is not excepted":  {statement(listing, withoutKey("ArnNotEquals")), "bucket-policy-operators", "s3:ListBucket"},
		"everybody reads the policy":       {added(iam.Statement{Effect: iam.Allow, Principals: everybody, Actions: []string{"s3:GetBucketPolicy"}, Resources: []string{"arn:aws:s3:::artifacts"}}), "bucket-policy-public", "grants public access"},
		"another account writes it":        {added(iam.Statement{Effect: iam.Allow, Principals: foreign, Actions: []string{"s3:PutBucketPolicy"}, Resources: []string{"arn:aws:s3:::artifacts"}}), "bucket-policy-grant", "999922223333:role/an-administrator"},
		"the backend writes it":            {added(iam.Statement{Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{"arn:aws:iam::111122223333:role/backend"}}, Actions: []string{"s3:PutBucketPolicy"}, Resources: []string{"arn:aws:s3:::artifacts"}}), "bucket-policy-grant", "role/backend"},
		"a grant that is denied elsewhere": {added(iam.Statement{Effect: iam.Allow, Principals: foreign, Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::artifacts/*"}}), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := installation(t)
			o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
			o.BucketPolicy.Value = text(t, test.change(in.BucketPolicy()))
			found := look(t, o, []check{{look: policyLetsThrough}, {look: policyDenies}, {look: policyControl}})
			if codes(found) != test.want {
				t.Fatalf("want %s: %+v", test.want, found)
			}
			if test.want != "" && !strings.Contains(found[0].Evidence, test.shows) {
				t.Errorf("evidence without %q: %s", test.shows, found[0].Evidence)
			}
		})
	}
}

// An installation that purges excepts its purge role, and another does not.
func TestBucketPolicyAndThePurgeRole(t *testing.T) {
	t.Parallel()
	plain := installation(t)
	purging := installation(t)
	purging.PurgeRoleName = "purge"
	purging = valid(t, purging)
	o := Observation{Installation: purging, bucketSeen: healthyBucket(t, plain)}
	if got := codes(look(t, o, bucketChecks())); got != "bucket-policy-purge" {
		t.Errorf("a policy without the purge role: %s", got)
	}
	o = Observation{Installation: plain, bucketSeen: healthyBucket(t, purging)}
	if got := codes(look(t, o, bucketChecks())); got != "bucket-policy-exception" {
		t.Errorf("a policy with a purge role that is none: %s", got)
	}
}

func TestBucketPolicyAndAPurgeOfOthers(t *testing.T) {
	t.Parallel()
	in := installation(t)
	in.PurgeRoleName = "purge"
	in = valid(t, in)
	for _, sid := range []string{"DenyPurgeOfOtherOrganizations", "DenyPurgeListingOfOtherOrganizations"} {
		o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
		o.BucketPolicy.Value = text(t, dropped(sid)(in.BucketPolicy()))
		if got := codes(look(t, o, bucketChecks())); got != "bucket-policy-purge-wide" {
			t.Errorf("without %s: %s", sid, got)
		}
	}
}
