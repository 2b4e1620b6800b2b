package tenancy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func withOwnBuckets(patterns ...string) tenancy.Installation {
	in := example()
	in.OwnBucketRoles = patterns
	return in
}

func TestCheckOwnBucket(t *testing.T) {
	t.Parallel()
	in := mustNew(t, withOwnBuckets("arn:aws:iam::*:role/cas/*", "arn:aws:iam::111122223333:role/same/*"))
	for role, want := range map[string]bool{
		"arn:aws:iam::999999999999:role/cas/x":                       true,
		"arn:aws:iam::999999999999:role/cas/deep/x":                  true,
		"arn:aws:iam::999999999999:role/x":                           false, // not allowed
		"arn:aws:iam::999999999999:role/same/x":                      false,
		"arn:aws:iam::111122223333:role/cas/x":                       false, // ours, and not named
		"arn:aws:iam::111122223333:role/same/x":                      true,
		"arn:aws:iam::111122223333:role/same/Chainloop-CAS":          true,  // a name that is free
		"arn:aws:iam::111122223333:role/same/Chainloop-Tenant":       false, // ours, whatever its path
		"arn:aws:iam::111122223333:role/same/chainloop-controlplane": false,
		"arn:aws:iam::111122223333:role/same/chainloop-backend":      false,
		"arn:aws:iam::999999999999:role/cas/*":                       false,
		"arn:aws:iam::999999999999:role/cas/${aws:userid}":           false,
		"arn:aws:iam::999999999999:user/cas/x":                       false,
		"arn:aws-cn:iam::999999999999:role/cas/x":                    false,
		"arn:aws:iam::99999999999:role/cas/x":                        false,
		"arn:aws:iam::999999999999:role/cas/":                        false,
		"":                                                           false,
	} {
		err := in.CheckOwnBucket(tenancy.OwnBucket{Name: "acme-artifacts", Region: "us-east-1", RoleARN: role})
		if (err == nil) != want || err != nil && !errors.Is(err, tenancy.ErrOwnBucket) {
			t.Errorf("%s: %v", role, err)
		}
	}
	const role = "arn:aws:iam::999999999999:role/cas/x"
	for _, bad := range []tenancy.OwnBucket{
		{Name: in.BucketName, Region: "us-east-1", RoleARN: role},
		{Name: "acme/*", Region: "us-east-1", RoleARN: role},
		{Name: "acme-artifacts", Region: "cn-north-1", RoleARN: role},
		{Name: "acme-artifacts", Region: "us-east-1.evil.example", RoleARN: role},
	} {
		if err := in.CheckOwnBucket(bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	if err := mustNew(t, example()).CheckOwnBucket(tenancy.OwnBucket{Name: "acme-artifacts", Region: "us-east-1", RoleARN: role}); err == nil {
		t.Error("an own bucket is accepted where there are none")
	}
	for _, bad := range []string{"*", "arn:aws:iam::*:*", "arn:aws:iam::*:user/*", "arn:aws:iam::1*:role/x", "arn:aws:iam::*:role/", "arn:aws-cn:iam::*:role/x", "arn:aws:sts::*:role/x", "arn:aws:iam::*:role/${x}"} {
		if _, err := tenancy.New(withOwnBuckets(bad)); err == nil {
			t.Errorf("the pattern %q is accepted", bad)
		}
	}
}

// What a workload may assume is what the operator says, with an external id, and by a
// pattern for everybody nothing in our own account. Where there are no own buckets, no
// document speaks of them.
func TestWorkloadsBecomeCustomerRoles(t *testing.T) {
	t.Parallel()
	in := mustNew(t, withOwnBuckets("arn:aws:iam::*:role/cas/*", "arn:aws:iam::111122223333:role/same/*"))
	ask := func(role, account string, id bool) bool {
		context := iam.Context{}
		context.Set("aws:ResourceAccount", account)
		if id {
			context.Set("sts:ExternalId", "x")
		}
		return allows(t, in.CASPermissions(), "sts:AssumeRole", role, context)
	}
	for _, tc := range []struct {
		role, account string
		id, want      bool
	}{
		{"arn:aws:iam::999999999999:role/cas/x", "999999999999", true, true},
		{"arn:aws:iam::999999999999:role/cas/x", "999999999999", false, false},
		{"arn:aws:iam::999999999999:role/other", "999999999999", true, false},
		{"arn:aws:iam::111122223333:role/cas/x", "111122223333", true, false},
		{"arn:aws:iam::111122223333:role/same/x", "111122223333", true, true},
		{"arn:aws:iam::111122223333:role/same/x", "111122223333", false, false},
	} {
		if got := ask(tc.role, tc.account, tc.id); got != tc.want {
			t.Errorf("%s with an external id %v: %v", tc.role, tc.id, got)
		}
	}
	plain := mustNew(t, example())
	for _, d := range plain.Documents() {
		text, err := d.JSON()
		if err != nil || strings.Contains(string(text), "ExternalId") {
			t.Errorf("%s speaks of own buckets: %v", d.Name, err)
		}
	}
}

// A session in an own bucket has the organization's keys in that bucket and nothing else.
func TestOwnBucketPolicyIsOneOrganizations(t *testing.T) {
	t.Parallel()
	in := mustNew(t, withOwnBuckets("arn:aws:iam::*:role/cas/*"))
	tenant := in.Tenant(mustID(t, acme))
	b := tenancy.OwnBucket{Name: strings.Repeat("b", 63), Region: "ap-southeast-2", RoleARN: "arn:aws:iam::999999999999:role/cas/x"}
	for what, passed := range map[string]tenancy.PassedPolicy{"session": tenant.OwnBucketPolicy(b), "validation": tenant.ValidationPolicy(b, "canary-"+acme)} {
		if len(passed.Text) > tenancy.MaxInlinePolicy || !passed.Scopes() {
			t.Errorf("the policy of a %s has %d characters", what, len(passed.Text))
		}
		d, err := iam.Parse(iam.KindSession, []byte(passed.Text))
		if err != nil {
			t.Fatal(err)
		}
		own, foreign := "arn:aws:s3:::"+b.Name+"/"+acme+"/k", "arn:aws:s3:::"+b.Name+"/other/k"
		canary := "arn:aws:s3:::" + b.Name + "/" + acme + "/canary-" + acme
		for _, tc := range []struct {
			action, resource string
			want             bool
		}{
			{"s3:PutObject", own, true}, {"s3:GetObject", own, true},
			{"s3:PutObject", foreign, false}, {"s3:GetObject", foreign, false},
			{"s3:GetObject", "arn:aws:s3:::" + in.BucketName + "/" + acme + "/k", false},
			{"s3:DeleteObject", own, false}, {"s3:DeleteObject", canary, what == "validation"},
			{"s3:ListBucket", "arn:aws:s3:::" + b.Name, false}, // without the prefix
			{"sts:AssumeRole", in.BaseRoleARN(), false},
			{"kms:Decrypt", in.KMSKeyARN, false},
		} {
			if got := allows(t, d, tc.action, tc.resource, iam.Context{}); got != tc.want {
				t.Errorf("%s: %s on %s: %v", what, tc.action, tc.resource, got)
			}
		}
	}
}

// What depends on the request: listing under the own prefix, and the customer's key for what
// S3 does with it in that bucket, in its Region.
func TestOwnBucketPolicyConditions(t *testing.T) {
	t.Parallel()
	in := mustNew(t, withOwnBuckets("arn:aws:iam::*:role/cas/*"))
	b := tenancy.OwnBucket{Name: "acme-artifacts", Region: "ap-southeast-2", RoleARN: "arn:aws:iam::999999999999:role/cas/x"}
	d, err := iam.Parse(iam.KindSession, []byte(in.Tenant(mustID(t, acme)).OwnBucketPolicy(b).Text))
	if err != nil {
		t.Fatal(err)
	}
	const bucket, key = "arn:aws:s3:::acme-artifacts", "arn:aws:kms:ap-southeast-2:999999999999:key/11111111-2222-3333-4444-555555555555"
	const there, elsewhere = "s3.ap-southeast-2.amazonaws.com", "s3.eu-west-1.amazonaws.com"
	encryption := func(via, of string) map[string]string {
		return map[string]string{"kms:ViaService": via, "kms:EncryptionContext:aws:s3:arn": of}
	}
	for what, tc := range map[string]struct {
		action, resource string
		context          map[string]string
		want             bool
	}{
		"a list of its own":             {"s3:ListBucket", bucket, map[string]string{"s3:prefix": acme + "/sha256:"}, true},
		"a list of another's":           {"s3:ListBucket", bucket, map[string]string{"s3:prefix": "other/"}, false},
		"a list of what begins like it": {"s3:ListBucket", bucket, map[string]string{"s3:prefix": acme}, false},
		"a list of everything":          {"s3:ListBucket", bucket, map[string]string{"s3:prefix": ""}, false},
		"the key, with a bucket key":    {"kms:GenerateDataKey", key, encryption(there, bucket), true},
		"the key, for an own object":    {"kms:Decrypt", key, encryption(there, bucket+"/"+acme+"/k"), true},
		"the key, for another's object": {"kms:Decrypt", key, encryption(there, bucket+"/other/k"), false},
		"the key, for another bucket":   {"kms:Decrypt", key, encryption(there, "arn:aws:s3:::globex-artifacts/"+acme+"/k"), false},
		"the key, in another Region":    {"kms:Decrypt", key, encryption(elsewhere, bucket), false},
		"the key, for another service":  {"kms:Decrypt", key, encryption("ec2.ap-southeast-2.amazonaws.com", bucket), false},
		"the key itself":                {"kms:Decrypt", key, nil, false},
		"what nobody needs the key for": {"kms:ScheduleKeyDeletion", key, encryption(there, bucket), false},
	} {
		context := iam.Context{}
		for name, value := range tc.context {
			context.Set(name, value)
		}
		if got := allows(t, d, tc.action, tc.resource, context); got != tc.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// allows reports whether an identity with the document may; everybody's account is the
// caller's, so that nothing else is asked.
func allows(t *testing.T, d *iam.Document, action, resource string, context iam.Context) bool {
	t.Helper()
	got := iam.Evaluate(iam.Request{
		Principal: "arn:aws:sts::111122223333:assumed-role/chainloop-cas/pod", PrincipalRole: "arn:aws:iam::111122223333:role/chainloop-cas",
		Account: account, Action: action, Resource: resource, Context: context,
	}, iam.PolicySet{Identity: []iam.Policy{{Name: "identity", Document: d}}})
	return got.Result == iam.Allowed
}
