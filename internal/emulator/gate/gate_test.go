package gate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/identitytest"
	"github.com/managedcas/managedcas/internal/iam"
)

// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
// and the captures in facts AWS §3.5.
func TestDenialMessages(t *testing.T) {
	t.Parallel()
	a := identitytest.New(t, identitytest.Config{})
	u := a.CreateUser(t, "reader")
	rows := []struct {
		name  string
		check gate.Check
		want  string
	}{
		{
			"S3 quotes the resource",
			gate.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: identitytest.ID},
			`User: arn:aws:iam::111122223333:user/reader is not authorized to perform: s3:GetObject on resource: ` +
				`"arn:aws:s3:::b/k" because no identity-based policy allows the s3:GetObject action`,
		},
		{
			"others do not",
			gate.Check{Action: "iam:ListRoles", Resource: "*", Account: identitytest.ID},
			`User: arn:aws:iam::111122223333:user/reader is not authorized to perform: iam:ListRoles on resource: ` +
				`* because no identity-based policy allows the iam:ListRoles action`,
		},
		{
			"another account says nothing",
			gate.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: "999999999999"},
			"Access Denied",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := refusal(t, a.Gate.Authorize(t.Context(), u, row.check))
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAllChecksMustAllow(t *testing.T) {
	t.Parallel()
	a := identitytest.New(t, identitytest.Config{})
	u := a.CreateUser(t, "reader")
	a.Do(t, "PutUserPolicy", identitytest.Params{
		"UserName": "reader", "PolicyName": "p", "PolicyDocument": identitytest.Allow("s3:GetObject", "arn:aws:s3:::a/*"),
	})
	may := gate.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::a/k", Account: identitytest.ID}
	mayNot := gate.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: identitytest.ID}
	if got := refusal(t, a.Gate.Authorize(t.Context(), u, may)); got != "" {
		t.Errorf("one check: %s", got)
	}
	if got := refusal(t, a.Gate.Authorize(t.Context(), u, may, mayNot)); !strings.Contains(got, "arn:aws:s3:::b/k") {
		t.Errorf("got %q, want a refusal about the second resource", got)
	}
	if err := a.Gate.Authorize(t.Context(), u); err == nil {
		t.Error("no checks were allowed")
	}
}

func TestDecisionIsWrittenToTheRequest(t *testing.T) {
	t.Parallel()
	a := identitytest.New(t, identitytest.Config{})
	req := &api.Request{}
	ctx := api.WithRequest(t.Context(), req)
	check := gate.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: identitytest.ID}
	if err := a.Gate.Authorize(ctx, a.Root(t), check); err != nil {
		t.Errorf("root: %v", err)
	}
	_ = a.Gate.Authorize(ctx, a.CreateUser(t, "nobody"), check)
	var got []iam.Result
	for _, d := range req.Decisions {
		got = append(got, d.Result)
	}
	if diff := cmp.Diff([]iam.Result{iam.Allowed, iam.ImplicitlyDenied}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRootIsStoppedByResourcePoliciesOnly(t *testing.T) {
	t.Parallel()
	a := identitytest.New(t, identitytest.Config{})
	doc, err := iam.Parse(iam.KindBucket, []byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	check := gate.Check{
		Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: identitytest.ID,
		Policy: &iam.Policy{Name: "bucket policy", Document: doc},
	}
	if got := refusal(t, a.Gate.Authorize(t.Context(), a.Root(t), check)); !strings.HasSuffix(got, denyByPoint) {
		t.Errorf("got %q, want it to end in %q", got, denyByPoint)
	}
}

// conditions asks whether a caller's request has a condition key with a value.
func TestConditionKeys(t *testing.T) {
	t.Parallel()
	a := identitytest.New(t, identitytest.Config{})
	u := a.CreateUser(t, "someone")
	a.Do(t, "TagUser", identitytest.Params{"UserName": "someone", "Tags.member.1.Key": "team", "Tags.member.1.Value": "blue"})
	a.Do(t, "CreateRole", identitytest.Params{
		"RoleName": "deep", "Path": "/a/b/", "AssumeRolePolicyDocument": identitytest.Trust(`{"AWS":"*"}`),
		"Tags.member.1.Key": "Org", "Tags.member.1.Value": "of-role",
	})
	session, _ := a.Assume(t, u, "a/b/deep", "s1", identitytest.Params{
		"Tags.member.1.Key": "org", "Tags.member.1.Value": "of-session", "SourceIdentity": "alice",
	})
	u = a.Caller(t, u.AccessKeyID, "")
	service := &api.Caller{Kind: api.Service, AccountID: identitytest.ID, ARN: "pods.eks.amazonaws.com"}
	anonymous := &api.Caller{Kind: api.Anonymous}
	const absent = ""
	// Source: facts AWS §2.4, and for anonymous callers and users
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
	rows := []struct {
		caller     *api.Caller
		key, value string
	}{
		{u, "aws:PrincipalArn", "arn:aws:iam::111122223333:user/someone"},
		{u, "aws:userid", u.UserID},
		{u, "aws:username", "someone"},
		{u, "aws:PrincipalType", "User"},
		{u, "aws:PrincipalAccount", identitytest.ID},
		{u, "aws:PrincipalTag/team", "blue"},
		{u, "aws:TokenIssueTime", absent},
		{u, "aws:MultiFactorAuthPresent", absent},
		{u, "aws:ResourceAccount", identitytest.ID},
		{session, "aws:PrincipalArn", "arn:aws:iam::111122223333:role/a/b/deep"},
		{session, "aws:userid", session.RoleID + ":s1"},
		{session, "aws:username", absent},
		{session, "aws:PrincipalType", "AssumedRole"},
		{session, "aws:PrincipalTag/org", "of-session"},
		{session, "aws:SourceIdentity", "alice"},
		{session, "aws:PrincipalIsAWSService", "false"},
		{session, "aws:MultiFactorAuthPresent", "false"},
		{a.Root(t), "aws:PrincipalArn", "arn:aws:iam::111122223333:root"},
		{a.Root(t), "aws:userid", identitytest.ID},
		{a.Root(t), "aws:PrincipalType", "Account"},
		{service, "aws:PrincipalIsAWSService", "true"},
		{service, "aws:PrincipalServiceName", "pods.eks.amazonaws.com"},
		{service, "aws:PrincipalArn", absent},
		{anonymous, "aws:userid", "anonymous"},
		{anonymous, "aws:PrincipalArn", absent},
	}
	for _, row := range rows {
		t.Run(string(row.caller.Kind)+" "+row.key, func(t *testing.T) {
			t.Parallel()
			condition := iam.Condition{Operator: "Null", Key: row.key, Values: []string{"true"}}
			if row.value != absent {
				condition = iam.Condition{Operator: "StringEquals", Key: row.key, Values: []string{row.value}}
			}
			doc := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
				Effect: iam.Allow, Principals: &iam.Principals{Any: true}, Actions: []string{"test:Ask"},
				Resources: []string{"*"}, Conditions: []iam.Condition{condition},
			}}}
			err := a.Gate.Authorize(t.Context(), row.caller, gate.Check{
				Action: "test:Ask", Resource: "arn:aws:test:::x", Account: identitytest.ID,
				Policy: &iam.Policy{Document: doc}, RequireResource: true,
			})
			if err != nil {
				t.Errorf("%s is not %q: %v", row.key, row.value, err)
			}
		})
	}
}

func TestRequestKeysAndPrecedence(t *testing.T) {
	t.Parallel()
	a := identitytest.New(t, identitytest.Config{})
	u := a.CreateUser(t, "someone")
	a.Do(t, "PutUserPolicy", identitytest.Params{"UserName": "someone", "PolicyName": "p", "PolicyDocument": `{
		"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{
			"aws:SourceIp":"127.0.0.1","aws:username":"someone","aws:ViaAWSService":"true"}}}]}`})
	req := &api.Request{Context: iam.Context{}}
	req.Context.Set("aws:SourceIp", "127.0.0.1")
	req.Context.Set("aws:username", "somebody-else") // what a client says about itself does not count
	check := gate.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: identitytest.ID, Context: iam.Context{}}
	check.Context.Set("aws:ViaAWSService", "true") // the service's own word wins
	if err := a.Gate.Authorize(api.WithRequest(t.Context(), req), u, check); err != nil {
		t.Error(err)
	}
}

// Source: facts AWS §3.1 (boundary) and §3.3 (a deleted session policy).
func TestPoliciesAreReadLive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.identity(t, identitytest.Allow("s3:*", "*"))
	caller := f.session(t, identitytest.Allow("s3:GetObject", "*"))
	step := func(name, want string) {
		t.Helper()
		if got := f.get(t, caller, pointA, ""); (got == "") != (want == "") || !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %q, want it to end in %q", name, got, want)
		}
	}
	step("session policy allows", allowed)
	arn := identitytest.PolicyARN("session-orgA")
	f.Do(t, "CreatePolicyVersion", identitytest.Params{"PolicyArn": arn, "PolicyDocument": identitytest.Allow("s3:PutObject", "*")})
	step("a version that is not the default changes nothing", allowed)
	f.Do(t, "SetDefaultPolicyVersion", identitytest.Params{"PolicyArn": arn, "VersionId": "v2"})
	step("the new default is in force at once", noSession)
	f.Do(t, "SetDefaultPolicyVersion", identitytest.Params{"PolicyArn": arn, "VersionId": "v1"})
	f.Do(t, "DeletePolicyVersion", identitytest.Params{"PolicyArn": arn, "VersionId": "v2"})
	step("back", allowed)
	f.Do(t, "CreatePolicy", identitytest.Params{"PolicyName": "boundary", "PolicyDocument": identitytest.Allow("s3:PutObject", "*")})
	boundary := identitytest.PolicyARN("boundary")
	f.Do(t, "PutRolePermissionsBoundary", identitytest.Params{"RoleName": "T", "PermissionsBoundary": boundary})
	step("the boundary limits", "because no permissions boundary allows the s3:GetObject action")
	f.Do(t, "DeleteRolePermissionsBoundary", identitytest.Params{"RoleName": "T"})
	f.Do(t, "DeletePolicy", identitytest.Params{"PolicyArn": arn})
	step("a deleted session policy grants nothing", noSession)
}

func TestBind(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	role := f.session(t, "")
	rows := []struct {
		name, principal, bound string // bound "": refused
	}{
		{"role", identitytest.RoleARN("T"), role.RoleID},
		{"user", f.workload.ARN, f.workload.UserID},
		{"unique id", role.RoleID, role.RoleID},
		{"session", "arn:aws:sts::111122223333:assumed-role/T/orgA", "arn:aws:sts::111122223333:assumed-role/T/orgA"},
		{"account root", "arn:aws:iam::999999999999:root", "arn:aws:iam::999999999999:root"},
		{"account id", "999999999999", "999999999999"},
		{"everyone", "*", "*"},
		{"no such role", identitytest.RoleARN("missing"), ""},
		{"other path", "arn:aws:iam::111122223333:role/path/T", ""},
		{"dead id", "AROAAAAAAAAAAAAAAAAAA", ""},
		{"another account's role", "arn:aws:iam::999999999999:role/T", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			doc := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
				Effect: iam.Deny, NotPrincipals: &iam.Principals{AWS: []string{row.principal}},
			}, {
				Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{"*", row.principal}},
			}}}
			bound, err := f.Gate.Bind(doc)
			if row.bound == "" {
				refused, ok := errors.AsType[*api.Error](err)
				if !ok || refused.Code != "MalformedPolicy" || refused.Message != "Invalid principal in policy" {
					t.Errorf("got %v, want MalformedPolicy", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := []string{bound.Statements[0].NotPrincipals.AWS[0], bound.Statements[1].Principals.AWS[1]}
			if diff := cmp.Diff([]string{row.bound, row.bound}, got); diff != "" {
				t.Error(diff)
			}
			if doc.Statements[1].Principals.AWS[1] != row.principal {
				t.Error("Bind changed the document it was given")
			}
			back := f.Gate.Unbind(bound)
			if row.name != "unique id" && back.Statements[1].Principals.AWS[1] != row.principal {
				t.Errorf("Unbind gave %q back", back.Statements[1].Principals.AWS[1])
			}
		})
	}
}

// TestShorterPropagationLosesNoDeny: a version becomes the default before it has
// propagated, because the delay was shortened in between. What it denies stays denied.
func TestShorterPropagationLosesNoDeny(t *testing.T) {
	t.Parallel()
	delay := time.Duration(0)
	a := identitytest.New(t, identitytest.Config{Propagation: func() time.Duration { return delay }})
	u := a.CreateUser(t, "someone")
	arn := identitytest.PolicyARN("p")
	a.Do(t, "PutUserPolicy", identitytest.Params{"UserName": "someone", "PolicyName": "all", "PolicyDocument": identitytest.Allow("s3:*", "*")})
	a.Do(t, "CreatePolicy", identitytest.Params{"PolicyName": "p", "PolicyDocument": identitytest.Deny("s3:GetObject", "*")})
	a.Do(t, "AttachUserPolicy", identitytest.Params{"UserName": "someone", "PolicyArn": arn})
	delay = time.Hour
	a.Do(t, "CreatePolicyVersion", identitytest.Params{"PolicyArn": arn, "PolicyDocument": identitytest.Deny("s3:Get*", "*")})
	delay = 0
	a.Do(t, "SetDefaultPolicyVersion", identitytest.Params{"PolicyArn": arn, "VersionId": "v2"})
	check := gate.Check{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: identitytest.ID}
	if refusal(t, a.Gate.Authorize(t.Context(), u, check)) == "" {
		t.Error("the policy that denies is lost")
	}
}
