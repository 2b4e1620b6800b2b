package tenancy_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func inMode(in tenancy.Installation, mode tenancy.SessionPolicyMode) tenancy.Installation {
	in.SessionPolicyMode = mode
	return in
}

// longest has the longest names that AWS gives: a GovCloud Region, a bucket and access
// point names at their limits, and a key's ordinary id.
func longest() tenancy.Installation {
	in := example()
	in.Region = "us-gov-west-1"
	in.BucketName = strings.Repeat("b", 63)
	in.APPrefix = strings.Repeat("p", 14)
	in.KMSKeyARN = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
	in.OperatorARNs = nil
	return in
}

// I2: in every mode a session has exactly one policy, and it follows from the installation.
func TestI2_PassedPolicy(t *testing.T) {
	t.Parallel()
	id := mustID(t, acme)
	for mode, want := range map[tenancy.SessionPolicyMode]string{
		"":              "arn:aws:iam::111122223333:policy/cas-" + acme,
		tenancy.Managed: "arn:aws:iam::111122223333:policy/cas-" + acme,
		tenancy.ABAC:    "arn:aws:iam::111122223333:policy/cas-shared",
		tenancy.Inline:  "",
	} {
		tenant := mustNew(t, inMode(example(), mode)).Tenant(id)
		got := tenant.PassedPolicy()
		if got.ARN != want || !got.Scopes() {
			t.Errorf("%q: %+v", mode, got)
		}
		// Processes in different modes agree on what is stored.
		if own := mustNew(t, example()).Tenant(id).Coordinates(); tenant.Coordinates() != own || own.SessionPolicyARN == "" {
			t.Errorf("%q: coordinates %+v", mode, tenant.Coordinates())
		}
		if mode != tenancy.Inline {
			continue
		}
		text, err := iam.Parse(iam.KindSession, []byte(got.Text))
		managed := mustNew(t, example()).Tenant(id).SessionPolicy()
		if err != nil || string(text.Canonical()) != string(managed.Canonical()) {
			t.Errorf("the inline policy is not the managed one: %v", err)
		}
	}
	for _, none := range []tenancy.PassedPolicy{{}, {ARN: "a", Text: "t"}} {
		if none.Scopes() {
			t.Errorf("%+v is a session policy", none)
		}
	}
}

// The longest names that AWS gives fit. What does not is a Region with a name of some
// hundred characters: one character on either side of the limit.
func TestInlinePolicyAtItsLimit(t *testing.T) {
	t.Parallel()
	size := func(in tenancy.Installation) int {
		return len(mustNew(t, in).Tenant(org.NewID()).PassedPolicy().Text)
	}
	if n := size(inMode(longest(), tenancy.Inline)); n != 1136 {
		t.Errorf("the longest inline session policy has %d characters; docs/session-policy-modes.md says 1,136", n)
	}
	padded := func(region, key int) tenancy.Installation {
		in := inMode(longest(), tenancy.Inline)
		in.Region = "us-gov-" + strings.Repeat("w", region) + "-1"
		in.KMSKeyARN = "arn:aws-us-gov:kms:" + in.Region + ":111122223333:key/" + strings.Repeat("1", key)
		return in
	}
	spare := tenancy.MaxInlinePolicy - size(padded(220, 1))
	if got := size(padded(220, 1+spare)); got != tenancy.MaxInlinePolicy {
		t.Fatalf("%d characters, want exactly %d", got, tenancy.MaxInlinePolicy)
	}
	_, err := tenancy.New(padded(220, 2+spare))
	if err == nil || !strings.Contains(err.Error(), "2049 characters, and AssumeRole takes 2048; shorten") {
		t.Errorf("one more: %v", err)
	}
}

// The tag spells an access point's name as long as that has dashes.
func TestABACAtItsLimit(t *testing.T) {
	t.Parallel()
	in := inMode(example(), tenancy.ABAC)
	in.APPrefix = strings.Repeat("p", 14)
	mustNew(t, in)
	in.APPrefix += "p"
	if _, err := tenancy.New(in); err == nil || !strings.Contains(err.Error(), "choose a shorter prefix, or the mode inline") {
		t.Errorf("15 characters: %v", err)
	}
	if _, err := tenancy.New(inMode(example(), "Managed")); err == nil || !strings.Contains(err.Error(), "want managed, inline or abac") {
		t.Errorf("an unknown mode: %v", err)
	}
}

// No organization has the shared policy's name.
func TestSharedPolicyIsNobodys(t *testing.T) {
	t.Parallel()
	in := mustNew(t, inMode(example(), tenancy.ABAC))
	id, ok := strings.CutPrefix(in.SharedPolicyName(), in.SessionPolicyPrefix)
	if _, err := org.ParseID(id); !ok || err == nil {
		t.Errorf("%s may be an organization's", in.SharedPolicyName())
	}
}

// The backend may do what its mode needs.
func TestBackendDecisionsPerMode(t *testing.T) {
	t.Parallel()
	here := with("aws:RequestedRegion", "eu-west-1")
	const pod = "arn:aws:sts::111122223333:assumed-role/chainloop-backend/pod"
	for mode, sids := range map[tenancy.SessionPolicyMode]struct{ own, shared, remove string }{
		tenancy.Managed: {"SessionPolicyLifecycle", "SessionPolicyLifecycle", "SessionPolicyLifecycle"},
		tenancy.Inline:  {"", "", "SupersededSessionPolicies"},
		tenancy.ABAC:    {"", "SharedSessionPolicy", "SupersededSessionPolicies"},
	} {
		in := mustNew(t, inMode(example(), mode))
		own := in.Tenant(mustID(t, acme)).SessionPolicyARN()
		set := iam.PolicySet{Identity: []iam.Policy{{Name: "backend", Document: in.BackendPermissions()}}}
		row := func(action, arn, sid string) decision {
			want := iam.Allowed
			if sid == "" {
				want = iam.ImplicitlyDenied
			}
			return decision{string(mode) + " " + action, action, arn, here, want, sid, "least privilege"}
		}
		check(t, pod, in.BackendRoleARN(), set, []decision{
			row("iam:CreatePolicy", own, sids.own),
			row("iam:CreatePolicyVersion", own, sids.own),
			row("iam:CreatePolicy", in.SharedPolicyARN(), sids.shared),
			row("iam:CreatePolicyVersion", in.SharedPolicyARN(), sids.shared),
			row("iam:DeletePolicyVersion", in.SharedPolicyARN(), sids.remove),
			row("iam:DeletePolicy", own, sids.remove),
			row("iam:DeletePolicy", "arn:aws:iam::111122223333:policy/other", ""),
		})
	}
}

// The files in deploy/policies that another mode changes are what this package renders.
func TestGeneratedPerMode(t *testing.T) {
	t.Parallel()
	for mode, names := range map[tenancy.SessionPolicyMode][]string{
		tenancy.Inline: {"backend-permissions"},
		tenancy.ABAC:   {"backend-permissions", "session-policy"},
	} {
		in := inMode(placeholders("[apPrefix]"), mode)
		standard := placeholders("[apPrefix]")
		usual := append(standard.Documents(), standard.TenantDocuments(mustID(t, acme), "[baseRoleId]")...)
		for i, d := range append(in.Documents(), in.TenantDocuments(mustID(t, acme), "[baseRoleId]")...) {
			differs := string(d.Document.Canonical()) != string(usual[i].Document.Canonical())
			named := false
			for _, name := range names {
				named = named || name == d.Name
			}
			if differs != named {
				t.Errorf("%s: %s differs: %t", mode, d.Name, differs)
			}
			if !named {
				continue
			}
			text, err := d.JSON()
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join("..", "..", "deploy", "policies", d.Name+"-"+string(mode)+".json"), text)
		}
	}
}

// Layer (b) alone, of a role that may do everything: in each mode the session's own access
// point, its own keys, and no session without a tag where the tag is what counts.
func TestSessionPolicyDecisionsPerMode(t *testing.T) {
	t.Parallel()
	otherAP := strings.Replace(ownAP, acme, otherUUID, 1)
	tagged := with("aws:PrincipalTag/org", acme)
	for _, mode := range []tenancy.SessionPolicyMode{tenancy.Managed, tenancy.Inline, tenancy.ABAC} {
		in := mustNew(t, inMode(example(), mode))
		set := iam.PolicySet{
			Identity: []iam.Policy{{Name: "all", Document: &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{
				{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}},
			}}}},
			Session: []iam.Policy{{Name: "session", Document: in.Tenant(mustID(t, acme)).SessionPolicy()}}, SessionPassed: true,
		}
		for _, row := range []struct {
			what, action, resource string
			context                iam.Context
			allowed                bool
		}{
			{"own artifact", "s3:GetObject", ownAP + "/object/" + ownObject, tagged, true},
			{"own listing", "s3:ListBucket", ownAP, and(tagged, "s3:prefix", acme+"/x"), true},
			{"another's keys", "s3:GetObject", ownAP + "/object/" + otherUUID + "/sha256:00", tagged, false},
			{"own key by another's access point", "s3:GetObject", otherAP + "/object/" + ownObject, tagged, false},
			{"another's listing", "s3:ListBucket", ownAP, and(tagged, "s3:prefix", otherUUID+"/"), false},
			{"delete", "s3:DeleteObject", ownAP + "/object/" + ownObject, tagged, false},
			// What abac loses: a wrong tag, which the trust policy and the access point's refuse.
			{"another's tag", "s3:GetObject", otherAP + "/object/" + otherUUID + "/x", with("aws:PrincipalTag/org", otherUUID), mode == tenancy.ABAC},
			{"no tag", "s3:GetObject", ownAP + "/object/" + ownObject, with(), mode != tenancy.ABAC},
			{"a wildcard as tag", "s3:GetObject", otherAP + "/object/" + otherUUID + "/x", with("aws:PrincipalTag/org", "*"), false},
		} {
			got := iam.Evaluate(iam.Request{
				Principal: tenantSess, PrincipalRole: baseRole, Account: account,
				Action: row.action, Resource: row.resource, Context: row.context,
			}, set)
			if got.Allowed() != row.allowed {
				t.Errorf("%s, %s: %s", mode, row.what, got.Result)
			}
		}
	}
}
