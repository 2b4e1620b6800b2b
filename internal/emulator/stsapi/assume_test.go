package stsapi_test

import (
	"encoding/xml"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/identitytest"
	"github.com/managedcas/managedcas/internal/emulator/stsapi"
)

type params = identitytest.Params

// account is an account with role T that trusts everybody with everything.
func account(t *testing.T) (*identitytest.Account, *api.Caller) {
	t.Helper()
	a := identitytest.New(t, identitytest.Config{})
	a.CreateRole(t, "T", identitytest.Trust(`{"AWS":"*"}`))
	return a, a.CreateUser(t, "workload")
}

func TestGetCallerIdentity(t *testing.T) {
	t.Parallel()
	a, user := account(t)
	a.Do(t, "PutUserPolicy", params{"UserName": "workload", "PolicyName": "p", "PolicyDocument": identitytest.Deny("sts:GetCallerIdentity", "*")})
	session, _ := a.Assume(t, user, "T", "orgA", nil)
	for _, caller := range []*api.Caller{a.Root(t), user, session} {
		answer := a.Call(t, a.STS, caller, "GetCallerIdentity", nil)
		if answer.Err != nil {
			t.Errorf("%s: %v", caller.ARN, answer.Err)
			continue
		}
		var got struct {
			XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
			Arn     string   `xml:"GetCallerIdentityResult>Arn"`
			UserId  string   `xml:"GetCallerIdentityResult>UserId"`
			Account string   `xml:"GetCallerIdentityResult>Account"`
			Request string   `xml:"ResponseMetadata>RequestId"`
		}
		if err := xml.Unmarshal([]byte(answer.Body), &got); err != nil {
			t.Fatal(err)
		}
		if got.Arn != caller.ARN || got.UserId != caller.UserID || got.Account != identitytest.ID || got.Request == "" {
			t.Errorf("got %+v for %s", got, caller.ARN)
		}
	}
}

// Source: facts AWS §4.1, §4.3 and §4.6; botocore's service model for the ranges.
func TestAssumeRoleRefusals(t *testing.T) {
	t.Parallel()
	a, user := account(t)
	a.Do(t, "CreateRole", params{"RoleName": "short", "AssumeRolePolicyDocument": identitytest.Trust(`{"AWS":"*"}`)})
	chained, _ := a.Assume(t, user, "T", "orgA", nil)
	manyPolicies, manyTags := params{}, params{}
	for i := range 51 {
		n := strconv.Itoa(i + 1)
		manyPolicies["PolicyArns.member."+n+".arn"] = "arn:aws:iam::aws:policy/ReadOnlyAccess"
		manyTags["Tags.member."+n+".Key"], manyTags["Tags.member."+n+".Value"] = "k"+n, "v"
	}
	const (
		invalid = "ValidationError"
		// seen on AWS by the tests of github.com/localstack/localstack/pull/12508
		conflicting = "InvalidParameterValue"
		malformed   = "MalformedPolicyDocument"
		denied      = "AccessDenied"
	)
	rows := []struct {
		name   string
		caller *api.Caller
		role   string
		params params
		code   string
		text   string // in the message
	}{
		{"session name too short", user, "T", params{"RoleSessionName": "x"}, invalid, "greater than or equal to 2"},
		{"session name too long", user, "T", params{"RoleSessionName": strings.Repeat("x", 65)}, invalid, "less than or equal to 64"},
		{"session name with slash", user, "T", params{"RoleSessionName": "a/b"}, invalid, "roleSessionName"},
		{"session name with colon", user, "T", params{"RoleSessionName": "a:b"}, invalid, "roleSessionName"},
		{"session name with space", user, "T", params{"RoleSessionName": "a b"}, invalid, "roleSessionName"},
		{"session name beyond ASCII", user, "T", params{"RoleSessionName": "aäb"}, invalid, "roleSessionName"},
		{"not an ARN", user, "T", params{"RoleArn": "arn:aws:s3:::bucket/and-more"}, invalid, "is invalid"},
		{"duration below range", user, "T", params{"DurationSeconds": "899"}, invalid, "greater than or equal to 900"},
		{"duration above range", user, "T", params{"DurationSeconds": "43201"}, invalid, "less than or equal to 43200"},
		{"duration no number", user, "T", params{"DurationSeconds": "1h"}, invalid, "durationSeconds"},
		{"role's maximum", user, "short", params{"DurationSeconds": "3601"}, invalid, "exceeds the MaxSessionDuration set for this role"},
		{"chaining", chained, "T", params{"DurationSeconds": "3601"}, invalid, "1 hour session limit for roles assumed by role chaining"},
		{"role's maximum before chaining", chained, "short", params{"DurationSeconds": "3601"}, invalid, "MaxSessionDuration"},
		{"external id", user, "T", params{"ExternalId": "x"}, invalid, "externalId"},
		{"source identity", user, "T", params{"SourceIdentity": "a b"}, invalid, "sourceIdentity"},
		{"no such role", user, "missing", nil, denied, "is not authorized to perform: sts:AssumeRole on resource: " + identitytest.RoleARN("missing")},
		{"root", a.Root(t), "T", nil, denied, "Roles may not be assumed by root accounts."},
		{"empty policy", user, "T", params{"Policy": ""}, invalid, "policy"},
		{"policy is no JSON", user, "T", params{"Policy": "{"}, malformed, ""},
		{"policy with a principal", user, "T", params{"Policy": identitytest.Trust(`"*"`)}, malformed, ""},
		{"policy too long", user, "T", params{"Policy": strings.Repeat(" ", 2049)}, invalid, "less than or equal to 2048"},
		{"policy and ARN too long together", user, "T", params{
			"Policy": strings.Repeat(" ", 2048), "PolicyArns.member.1.arn": identitytest.PolicyARN("p"),
		}, invalid, "together, 2048 are allowed"},
		{"policy beyond Latin-1", user, "T", params{"Policy": "{\u0100}"}, invalid, "policy"},
		{"missing session policy", user, "T", params{"PolicyArns.member.1.arn": identitytest.PolicyARN("missing")}, malformed, "does not exist"},
		{"AWS policy that is not emulated", user, "T", params{"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/PowerUserAccess"}, malformed, "knows AdministratorAccess"},
		{"session policy of another account", user, "T", params{"PolicyArns.member.1.arn": "arn:aws:iam::999999999999:policy/p"}, malformed, "does not exist"},
		{"session policy without ARN", user, "T", params{"PolicyArns.member.1": identitytest.PolicyARN("p")}, invalid, "must not be null"},
		{"eleven session policies", user, "T", manyPolicies, invalid, "'[51 entries]' at 'policyArns'"},
		{"51 tags", user, "T", manyTags, invalid, "tags"},
		{"tag without value", user, "T", params{"Tags.member.1.Key": "k"}, invalid, "null"},
		{"tag key with bad character", user, "T", params{"Tags.member.1.Key": "k*", "Tags.member.1.Value": "v"}, invalid, "tags.1.member.key"},
		{"tag value with bad character", user, "T", params{"Tags.member.1.Key": "k", "Tags.member.1.Value": "v?"}, invalid, "tags.1.member.value"},
		{"reserved tag", user, "T", params{"Tags.member.1.Key": "AWS:k", "Tags.member.1.Value": "v"}, invalid, "aws:"},
		{
			"same key in other case", user, "T",
			params{"Tags.member.1.Key": "k", "Tags.member.1.Value": "v", "Tags.member.2.Key": "K", "Tags.member.2.Value": "v"},
			conflicting, "case insensitive",
		},
		{"transitive key that is no tag", user, "T", params{"TransitiveTagKeys.member.1": "k"}, conflicting, "must be included in the requested tags"},
		{"MFA", user, "T", params{"SerialNumber": "arn:aws:iam::111122223333:mfa/x"}, "NotImplemented", "SerialNumber"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			answer := a.TryAssume(t, row.caller, row.role, "orgA", row.params)
			if answer.Code() != row.code {
				t.Fatalf("got %v, want %s", answer.Err, row.code)
			}
			want := map[string]int{invalid: 400, conflicting: 400, malformed: 400, denied: 403, "NotImplemented": 501}[row.code]
			if answer.Err.Status != want || !strings.Contains(answer.Err.Message, row.text) {
				t.Errorf("got %v, want status %d and %q in the message", answer.Err, want, row.text)
			}
		})
	}
}

// Source: facts AWS §4.2.
func TestAssumeRoleAnswer(t *testing.T) {
	t.Parallel()
	a, user := account(t)
	a.Do(t, "CreateRole", params{"RoleName": "deep", "Path": "/x/", "AssumeRolePolicyDocument": identitytest.Trust(`{"AWS":"*"}`)})
	before := time.Now().Truncate(time.Second)
	caller, got := a.Assume(t, user, "x/deep", "orgA", params{"DurationSeconds": "900"})
	if got.ARN != "arn:aws:sts::111122223333:assumed-role/deep/orgA" {
		t.Errorf("ARN %q has not lost the path", got.ARN)
	}
	if got.AssumedRoleID != caller.RoleID+":orgA" || !strings.HasPrefix(got.AccessKeyID, "ASIA") || len(got.AccessKeyID) != 20 {
		t.Errorf("got role id %q, access key %q", got.AssumedRoleID, got.AccessKeyID)
	}
	expires, err := time.Parse("2006-01-02T15:04:05Z", got.Expiration)
	if err != nil || expires.Before(before.Add(15*time.Minute)) || expires.After(time.Now().Add(15*time.Minute)) {
		t.Errorf("expires %s, %v", got.Expiration, err)
	}
	if got.PackedSize != nil || got.SourceIdentity != "" {
		t.Errorf("got PackedPolicySize %v and SourceIdentity %q in a plain answer", got.PackedSize, got.SourceIdentity)
	}
	_, got = a.Assume(t, user, "T", "orgA", params{"SourceIdentity": "alice", "Tags.member.1.Key": "org", "Tags.member.1.Value": "a"})
	if got.PackedSize == nil || *got.PackedSize == 0 || got.SourceIdentity != "alice" {
		t.Errorf("got PackedPolicySize %v and SourceIdentity %q", got.PackedSize, got.SourceIdentity)
	}
}

// Source: facts AWS §4.1, last row.
func TestFirstOfTwoValuesCounts(t *testing.T) {
	t.Parallel()
	a, user := account(t)
	answer := a.CallForm(t, a.STS, user, url.Values{
		"Action":          {"AssumeRole"},
		"RoleArn":         {identitytest.RoleARN("T")},
		"RoleSessionName": {"first", "se/cond"},
	})
	if answer.Err != nil || !strings.Contains(answer.Body, "assumed-role/T/first") {
		t.Errorf("got %v, %s", answer.Err, answer.Body)
	}
}

// Source: facts AWS §4.3.
func TestRoleChaining(t *testing.T) {
	t.Parallel()
	a, user := account(t)
	first, _ := a.Assume(t, user, "T", "one", params{
		"SourceIdentity":    "alice",
		"Tags.member.1.Key": "cluster", "Tags.member.1.Value": "prod",
		"Tags.member.2.Key": "dropped", "Tags.member.2.Value": "x",
		"TransitiveTagKeys.member.1": "Cluster",
	})
	second, got := a.Assume(t, first, "T", "two", params{"Tags.member.1.Key": "org", "Tags.member.1.Value": "a"})
	if diff := cmp.Diff(map[string]string{"cluster": "prod", "org": "a"}, second.SessionTags); diff != "" {
		t.Errorf("tags: %s", diff)
	}
	if got.SourceIdentity != "alice" || second.SourceIdentity != "alice" {
		t.Errorf("source identity %q was not inherited", got.SourceIdentity)
	}
	third, _ := a.Assume(t, second, "T", "three", nil)
	if diff := cmp.Diff(map[string]string{"cluster": "prod"}, third.SessionTags); diff != "" {
		t.Errorf("tags of the third session: %s", diff)
	}
	for code, refused := range map[string]params{
		"InvalidParameterValue": {"Tags.member.1.Key": "CLUSTER", "Tags.member.1.Value": "other"},
		"ValidationError":       {"SourceIdentity": "bob"},
	} {
		if answer := a.TryAssume(t, second, "T", "four", refused); answer.Code() != code {
			t.Errorf("overriding what is inherited: got %v, want %s", answer.Err, code)
		}
	}
}

// Source: facts AWS §4.4.
func TestPackedSize(t *testing.T) {
	t.Parallel()
	podIdentity := map[string]string{
		"eks-cluster-arn":            "arn:aws:eks:eu-west-1:111122223333:cluster/production",
		"eks-cluster-name":           "production",
		"kubernetes-namespace":       "managed-cas",
		"kubernetes-service-account": "controlplane",
		"kubernetes-pod-name":        "controlplane-6d4cf56db6-x2x7k",
		"kubernetes-pod-uid":         "0b9b2b7e-5f0a-4f63-9d2c-3b0a3b1d8a55",
	}
	if got := stsapi.EstimatePackedSize(stsapi.Packed{Tags: podIdentity}); got < 65 || got > 85 {
		t.Errorf("tags of EKS Pod Identity take %d%%, measured were 74%%", got)
	}
	if got := stsapi.EstimatePackedSize(stsapi.Packed{}); got != 0 {
		t.Errorf("nothing takes %d%%", got)
	}
	a, user := account(t)
	answer := a.TryAssume(t, user, "T", "orgA", params{"Tags.member.1.Key": strings.Repeat("k", 128), "Tags.member.1.Value": strings.Repeat("v", 256)})
	if answer.Code() != "PackedPolicyTooLarge" || !strings.Contains(answer.Err.Message, "% of allotted space") {
		t.Errorf("got %v", answer.Err)
	}
}

func TestMissingSessionPolicyCanBeAdmitted(t *testing.T) {
	t.Parallel()
	a := identitytest.New(t, identitytest.Config{STS: stsapi.Config{AllowMissingPolicies: true}})
	a.CreateRole(t, "T", identitytest.Trust(`{"AWS":"*"}`))
	caller, _ := a.Assume(t, a.CreateUser(t, "u"), "T", "orgA", params{"PolicyArns.member.1.arn": identitytest.PolicyARN("missing")})
	if !caller.SessionPolicyPassed {
		t.Error("the session lost its policy")
	}
}

func TestSkippedNumberHidesNoPolicy(t *testing.T) {
	t.Parallel()
	a, user := account(t)
	caller, _ := a.Assume(t, user, "T", "orgA", params{"PolicyArns.member.7.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})
	if diff := cmp.Diff([]string{"arn:aws:iam::aws:policy/ReadOnlyAccess"}, caller.SessionPolicyARNs); diff != "" || !caller.SessionPolicyPassed {
		t.Errorf("passed %v: %s", caller.SessionPolicyPassed, diff)
	}
}
