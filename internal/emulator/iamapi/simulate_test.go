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
