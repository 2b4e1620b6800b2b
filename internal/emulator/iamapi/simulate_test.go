package iamapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/identitytest"
)

// Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
func TestSimulateCustomPolicy(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	input := params{
		"PolicyInputList.member.1": `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/org}/*"},
			{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*"}]}`,
		"ActionNames.member.1":                              "s3:GetObject",
		"ActionNames.member.2":                              "s3:DeleteObject",
		"ResourceArns.member.1":                             "arn:aws:s3:::b/acme/x",
		"ResourceArns.member.2":                             "arn:aws:s3:::b/globex/x",
		"ContextEntries.member.1.ContextKeyName":            "aws:PrincipalTag/org",
		"ContextEntries.member.1.ContextKeyValues.member.1": "acme",
		"ContextEntries.member.1.ContextKeyType":            "string",
	}
	type result struct {
		Decisions []string `xml:"SimulateCustomPolicyResult>EvaluationResults>member>EvalDecision"`
		Matched   []string `xml:"SimulateCustomPolicyResult>EvaluationResults>member>MatchedStatements>member>SourcePolicyId"`
	}
	got := decode[result](t, a.Do(t, "SimulateCustomPolicy", input))
	want := result{
		Decisions: []string{"allowed", "implicitDeny", "explicitDeny", "explicitDeny"},
		Matched:   []string{"PolicyInputList.1", "PolicyInputList.1", "PolicyInputList.1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	boundary := with(input, "PermissionsBoundaryPolicyInputList.member.1", identitytest.Allow("s3:PutObject", "*"))
	got = decode[result](t, a.Do(t, "SimulateCustomPolicy", boundary))
	if got.Decisions[0] != "implicitDeny" {
		t.Errorf("with a boundary: %v", got.Decisions)
	}
	run(t, a, []step{
		{"SimulateCustomPolicy", with(input, "PolicyInputList.member.1", "{"), "ValidationError", "policyInputList"},
		{"SimulateCustomPolicy", with(input, "ResourcePolicy", "{"), "InvalidInput", "ResourcePolicy"},
	})
}

// Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
func TestSimulatePrincipalPolicy(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.CreateRole(t, "r", identitytest.Trust(`{"AWS":"*"}`))
	a.Do(t, "PutRolePolicy", params{"RoleName": "r", "PolicyName": "own", "PolicyDocument": identitytest.Allow("s3:*", "*")})
	a.Do(t, "CreatePolicy", params{"PolicyName": "bound", "PolicyDocument": identitytest.Allow("s3:Get*", "*")})
	a.Do(t, "CreatePolicy", params{"PolicyName": "more", "PolicyDocument": identitytest.Allow("kms:Decrypt", "*")})
	a.Do(t, "AttachRolePolicy", params{"RoleName": "r", "PolicyArn": identitytest.PolicyARN("more")})
	input := params{
		"PolicySourceArn":      identitytest.RoleARN("r"),
		"ActionNames.member.1": "s3:GetObject", "ActionNames.member.2": "s3:PutObject", "ActionNames.member.3": "kms:Decrypt",
	}
	type result struct {
		Decisions []string `xml:"SimulatePrincipalPolicyResult>EvaluationResults>member>EvalDecision"`
		Truncated bool     `xml:"SimulatePrincipalPolicyResult>IsTruncated"`
		Marker    string   `xml:"SimulatePrincipalPolicyResult>Marker"`
	}
	simulate := func(more ...string) result {
		t.Helper()
		return decode[result](t, a.Do(t, "SimulatePrincipalPolicy", with(input, more...)))
	}
	expect := func(what string, got result, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, got.Decisions); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	expect("own policies", simulate(), "allowed", "allowed", "allowed")
	expect("and a Deny", simulate("PolicyInputList.member.1", identitytest.Deny("s3:PutObject", "*")), "allowed", "explicitDeny", "allowed")
	expect("a boundary of the request", simulate("PermissionsBoundaryPolicyInputList.member.1", identitytest.Allow("kms:*", "*")), "implicitDeny", "implicitDeny", "allowed")
	a.Do(t, "PutRolePermissionsBoundary", params{"RoleName": "r", "PermissionsBoundary": identitytest.PolicyARN("bound")})
	expect("the role's boundary", simulate(), "allowed", "implicitDeny", "implicitDeny")
	expect("instead of it", simulate("PermissionsBoundaryPolicyInputList.member.1", identitytest.Allow("kms:*", "*")), "implicitDeny", "implicitDeny", "allowed")

	first := simulate("MaxItems", "2")
	expect("first page", first, "allowed", "implicitDeny")
	if !first.Truncated || first.Marker == "" {
		t.Fatalf("the first page is the last: %+v", first)
	}
	second := simulate("MaxItems", "2", "Marker", first.Marker)
	if expect("second page", second, "implicitDeny"); second.Truncated {
		t.Error("there is a third page")
	}
	run(t, a, []step{
		{"SimulatePrincipalPolicy", with(input, "PolicySourceArn", identitytest.RoleARN("nobody")), "NoSuchEntity", "nobody"},
		{"SimulatePrincipalPolicy", params{"PolicySourceArn": identitytest.RoleARN("r"), "ResourcePolicy": "{"}, "InvalidInput", ""},
	})
}
