package doctor

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// What stands in the way of organizations: one cause, one finding.
func TestBucketPolicyPath(t *testing.T) {
	t.Parallel()
	everybody := &iam.Principals{Any: true}
	pattern := "arn:aws:s3:eu-west-1:111122223333:accesspoint/cas-*"
	delegations := []string{"DelegateObjectsToAccessPoints", "DelegateListingToAccessPoints"}
	for name, test := range map[string]struct {
		change func(*iam.Document) *iam.Document
		want   string
		shows  string // in the evidence
	}{
		"another prefix":               {replaced(t, "accesspoint/cas-*", "accesspoint/chainloop-*"), "bucket-policy-prefix", "accesspoint/chainloop-*; statement"},
		"another prefix, in the Deny":  {statement("DenyObjectsOutsideAccessPoints", condition("s3:DataAccessPointArn", "StringNotLike", strings.Replace(pattern, "cas-", "other-", 1))), "bucket-policy-prefix", "other-*"},
		"another prefix, in the grant": {statement("DelegateObjectsToAccessPoints", condition("s3:DataAccessPointArn", "StringLike", strings.Replace(pattern, "cas-", "other-", 1))), "bucket-policy-prefix", "DelegateObjectsToAccessPoints"},
		"a name that would be created": {replaced(t, "accesspoint/cas-*", "accesspoint/chainloop-*"), "bucket-policy-prefix", "accesspoint/cas-" + freshID},
		"the form of an SDK":           {replaced(t, "accesspoint/cas-*", "accesspoint:cas-*"), "bucket-policy-prefix", "accesspoint:cas-*"},
		"a star that is none":          {replaced(t, "StringNotLike\":{\"s3:Data", "StringNotEquals\":{\"s3:Data"), "bucket-policy-prefix", "StringNotEquals"},
		"no Version": {func(d *iam.Document) *iam.Document {
			return &iam.Document{Version: iam.Version2008, Statements: d.Statements}
		}, "bucket-policy-version", "2008"},
		"another Region":                 {replaced(t, "s3:eu-west-1:111122223333", "s3:us-east-1:111122223333"), "bucket-policy-region", "us-east-1"},
		"another partition":              {replaced(t, "arn:aws:s3:eu-west-1", "arn:aws-cn:s3:eu-west-1"), "bucket-policy-region", "aws-cn"},
		"another account in the pattern": {replaced(t, "s3:eu-west-1:111122223333", "s3:eu-west-1:999922223333"), "bucket-policy-account", "999922223333"},
		"another account beside it":      {replaced(t, `"s3:DataAccessPointAccount":["111122223333"]`, `"s3:DataAccessPointAccount":"999922223333"`, `"s3:DataAccessPointAccount":"111122223333"`, `"s3:DataAccessPointAccount":"999922223333"`), "bucket-policy-account", "999922223333"},
		"no delegation":                  {dropped(delegations...), "bucket-policy-delegation", "accesspoint/cas-"},
		"no delegation of listing":       {dropped(delegations[1]), "bucket-policy-delegation", "accesspoint/cas-"},
		"delegation of reading only":     {statement(delegations[0], func(st *iam.Statement) { st.Actions = []string{"s3:GetObject"} }), "bucket-policy-delegation", "accesspoint/cas-"},
		"delegation to the base role":    {delegatedTo("arn:aws:iam::111122223333:role/tenant"), "bucket-policy-delegation-role", "role/tenant"},
		"delegation to the account":      {delegatedTo("111122223333"), "bucket-policy-delegation-role", "111122223333"},
		"delegation to a role that was":  {delegatedTo("AROA1234567890ABCDEF0"), "bucket-policy-stale-principal", "AROA1234567890ABCDEF0"},
		"encryption must be named":       {statement("DenyOtherEncryptionWhenNamed", withoutKey("Null")), "bucket-policy-default-encryption", "DenyOtherEncryptionWhenNamed"},
		"key must be named":              {statement("DenyForeignKeyWhenNamed", withoutKey("Null")), "bucket-policy-default-encryption", "DenyForeignKeyWhenNamed"},
		"parts must be conditional":      {statement("DenyOverwrite", withoutKey("Bool")), "bucket-policy-uploads-in-parts", "DenyOverwrite"},
		"everything is denied":           {added(iam.Statement{Sid: "No", Effect: iam.Deny, Principals: everybody, Actions: []string{"s3:*"}, Resources: []string{"*"}}), "bucket-policy-deny", `(Sid "No") denies s3:*`},
		"writes are denied":              {added(iam.Statement{Effect: iam.Deny, Principals: everybody, Actions: []string{"s3:Put*"}, Resources: []string{"arn:aws:s3:::artifacts/*"}}), "bucket-policy-deny", "statement 11 denies"},
		"from a network, and none but it": {statement("DenyPlainHTTP", func(st *iam.Statement) {
			st.Conditions = []iam.Condition{{Operator: "StringNotEquals", Key: "aws:SourceVpce", Values: []string{"vpce-1"}}}
		}), "bucket-policy-network", "vpce-1"},
		"another AWS organization": {statement("DenyPlainHTTP", func(st *iam.Statement) {
			st.Conditions = []iam.Condition{{Operator: "StringNotEquals", Key: "aws:PrincipalOrgID", Values: []string{"o-example1"}}}
		}), "bucket-policy-network", "o-example1"},
		"from an address range, none else": {statement("DenyPlainHTTP", func(st *iam.Statement) {
			st.Conditions = []iam.Condition{{Operator: "NotIpAddress", Key: "aws:SourceIp", Values: []string{"10.0.0.0/8"}}}
		}), "bucket-policy-network", "10.0.0.0/8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := installation(t)
			o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
			o.BucketPolicy.Value = text(t, test.change(in.BucketPolicy()))
			found := look(t, o, []check{{look: policyLetsThrough}})
			if codes(found) != test.want {
				t.Fatalf("want %s: %+v", test.want, found)
			}
			if !strings.Contains(found[0].Evidence, test.shows) {
				t.Errorf("evidence without %q: %s", test.shows, found[0].Evidence)
			}
		})
	}
}

// Two mistakes are two findings.
func TestBucketPolicyPathWithTwoMistakes(t *testing.T) {
	t.Parallel()
	in := installation(t)
	o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
	o.BucketPolicy.Value = text(t, delegatedTo(in.BaseRoleARN())(replaced(t, "accesspoint/cas-*", "accesspoint/chainloop-*")(in.BucketPolicy())))
	found, err := policyLetsThrough(o)
	if err != nil || len(found) != 2 || found[0].Code != "bucket-policy-prefix" || found[1].Code != "bucket-policy-delegation-role" {
		t.Errorf("%v, %+v", err, found)
	}
}

func TestHealthyBucketPolicy(t *testing.T) {
	t.Parallel()
	for name, in := range installations(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
			for _, c := range bucketChecks() {
				if r := c.result(o); r.Status != OK {
					t.Errorf("%s: %s %+v", r.Check, r.Detail, r.Findings)
				}
			}
		})
	}
}

func TestNoBucketPolicy(t *testing.T) {
	t.Parallel()
	for want, policy := range map[string][]byte{
		"bucket-policy-missing":   nil,
		"bucket-policy-malformed": []byte(`{"Version":"2012-10-17"}`),
	} {
		in := installation(t)
		o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
		o.BucketPolicy.Value = policy
		if got := codes(look(t, o, bucketChecks())); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// condition replaces a statement's condition on a key.
func condition(key, operator string, values ...string) func(*iam.Statement) {
	return func(st *iam.Statement) {
		for i, c := range st.Conditions {
			if c.Key == key {
				st.Conditions[i] = iam.Condition{Operator: operator, Key: key, Values: values}
			}
		}
	}
}

// withoutKey drops a statement's conditions with an operator on what a request need not
// have.
func withoutKey(operator string) func(*iam.Statement) {
	return func(st *iam.Statement) {
		st.Conditions = slices.DeleteFunc(st.Conditions, func(c iam.Condition) bool { return c.Operator == operator })
	}
}

func delegatedTo(principal string) func(*iam.Document) *iam.Document {
	return func(d *iam.Document) *iam.Document {
		return edited(d, func(_ int, st *iam.Statement) {
			if st.Effect == iam.Allow {
				st.Principals = &iam.Principals{AWS: []string{principal}}
			}
		})
	}
}

// A condition on the AWS organization is told apart from one on the network.
func TestBucketPolicyOfOneAWSOrganization(t *testing.T) {
	t.Parallel()
	in := installation(t)
	for key, want := range map[string]string{"aws:SourceVpce": "from one network only", "aws:PrincipalOrgID": "in one AWS organization only"} {
		f := networkLimits(in).finding([]string{"statement 0: StringNotEquals " + key + " x"}, "read an artifact")
		if !strings.Contains(f.What, want) {
			t.Errorf("%s: %s", key, f.What)
		}
	}
}

// A Deny that hides the policy is a finding; that IAM grants nothing is none.
func TestBucketPolicyThatHidesItself(t *testing.T) {
	t.Parallel()
	const answer = "AccessDenied: User: x is not authorized to perform: s3:GetBucketPolicy on resource: y "
	for text, want := range map[string]string{
		"with an explicit deny in a resource-based policy": "bucket-policy-denies-reader",
		"because no identity-based policy allows it":       "",
	} {
		in := installation(t)
		o := Observation{Installation: in, bucketSeen: healthyBucket(t, in)}
		o.BucketPolicy = Seen[[]byte]{Err: fmt.Errorf("%s%s: %w", answer, text, cloud.ErrDenied)}
		found, err := policyExists(o)
		if codes(found) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s, %v", text, codes(found), err)
		}
	}
}
