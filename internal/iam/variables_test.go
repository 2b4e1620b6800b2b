package iam_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/iam"
)

// TestVariables: policy variables in resources and condition values
// (source of every row, where none is given:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
// and facts AWS §3.4).
func TestVariables(t *testing.T) {
	t.Parallel()
	const noVersion = iam.Version2008
	rows := []struct {
		name          string
		version       string
		element       string // "Resource", "NotResource", or a condition operator on aws:Key
		pattern, got  string
		key, value    string // one key of the context; none when key is empty
		inAllow, deny bool
	}{
		{"tag in a resource", "", "Resource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/orgA/x", "aws:PrincipalTag/org", "orgA", true, true},
		{"keys have no case", "", "Resource", "arn:aws:s3:::b/${AWS:principaltag/ORG}/*", "arn:aws:s3:::b/orgA/x", "aws:PrincipalTag/org", "orgA", true, true},
		{"other tag", "", "Resource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/orgB/x", "aws:PrincipalTag/org", "orgA", false, false},
		{"values have case", "", "Resource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/orga/x", "aws:PrincipalTag/org", "orgA", false, false},
		{"absent tag", "", "Resource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/orgA/x", "", "", false, false},
		{"empty tag", "", "Resource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/orgA/x", "aws:PrincipalTag/org", "", false, false},
		{"a star in a value is a star", "", "Resource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/orgA/x", "aws:PrincipalTag/org", "*", false, false},
		{"a star in a value matches a star", "", "Resource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/*/x", "aws:PrincipalTag/org", "*", true, true},
		{"a question mark in a value", "", "Resource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/orgA/x", "aws:PrincipalTag/org", "org?", false, false},
		{"variable in a value is text", "", "Resource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/${aws:userid}/x", "aws:PrincipalTag/org", "${aws:userid}", true, true},
		{"two variables", "", "Resource", "arn:aws:s3:::${aws:userid}/${aws:userid}", "arn:aws:s3:::u/u", "aws:userid", "u", true, true},
		{"default unused", "", "Resource", "arn:aws:s3:::b/${aws:userid, 'anonymous'}", "arn:aws:s3:::b/u", "aws:userid", "u", true, true},
		{"default used", "", "Resource", "arn:aws:s3:::b/${aws:userid, 'anonymous'}", "arn:aws:s3:::b/anonymous", "", "", true, true},
		{"default is literal", "", "Resource", "arn:aws:s3:::b/${aws:userid, '*'}", "arn:aws:s3:::b/x", "", "", false, false},
		{"default may hold a brace", "", "Resource", "arn:aws:s3:::b/${aws:userid, 'a}b'}", "arn:aws:s3:::b/a}b", "", "", true, true},
		{"literal star", "", "Resource", "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", "", "", false, false},
		{"literal star matches", "", "Resource", "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", "", "", true, true},
		{"literal question mark", "", "Resource", "arn:aws:s3:::b/${?}", "arn:aws:s3:::b/x", "", "", false, false},
		{"literal dollar", "", "Resource", "arn:aws:s3:::b/${$}{x}", "arn:aws:s3:::b/${x}", "", "", true, true},
		{"right after the fifth colon", "", "Resource", "arn:aws:s3:::${aws:userid}", "arn:aws:s3:::u", "aws:userid", "u", true, true},
		{"in the account", "", "Resource", "arn:aws:s3::${aws:PrincipalAccount}:b", "arn:aws:s3::111122223333:b", "aws:PrincipalAccount", "111122223333", false, false},
		{"character in the account", "", "Resource", "arn:aws:s3::${*}:b", "arn:aws:s3::${x}:b", "", "", false, false},
		{"value with colons", "", "Resource", "arn:aws:s3:::b/${aws:userid}", "arn:aws:s3:::b/AROAT:orgA", "aws:userid", "AROAT:orgA", true, true},
		{"2008 has no variables", noVersion, "Resource", "arn:aws:s3:::b/${aws:userid}", "arn:aws:s3:::b/u", "aws:userid", "u", false, false},
		{"2008 takes them as text", noVersion, "Resource", "arn:aws:s3:::b/${aws:userid}", "arn:aws:s3:::b/${aws:userid}", "aws:userid", "u", true, true},
		{"unclosed", "", "Resource", "arn:aws:s3:::b/${aws:userid", "arn:aws:s3:::b/${aws:userid", "aws:userid", "u", false, false},
		// An exception that cannot be resolved: a Deny keeps applying (facts AWS §5.1: an
		// absent tag fails closed), an Allow must not grant everything (AWS: such a
		// statement is invalid).
		{"excepted by tag", "", "NotResource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/orgA/x", "aws:PrincipalTag/org", "orgA", false, false},
		{"not excepted by tag", "", "NotResource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/orgB/x", "aws:PrincipalTag/org", "orgA", true, true},
		{"exception without tag", "", "NotResource", "arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/orgA/x", "", "", false, true},
		{"session name bound to the tag", "", "StringEquals", "cas-${aws:RequestTag/org}", "cas-A", "aws:RequestTag/org", "A", true, true},
		{"session name of another tag", "", "StringEquals", "cas-${aws:RequestTag/org}", "cas-B", "aws:RequestTag/org", "A", false, false},
		{"absent tag in a condition", "", "StringEquals", "cas-${aws:RequestTag/org}", "cas-A", "", "", false, false},
		{"absent tag in a negated condition", "", "StringNotEquals", "cas-${aws:RequestTag/org}", "cas-A", "", "", false, true},
		{"StringEquals takes a literal star", "", "StringEquals", "a${*}", "a*", "", "", true, true},
		{"StringLike does not glob values", "", "StringLike", "${aws:RequestTag/org}*", "xyz", "aws:RequestTag/org", "*", false, false},
		{"StringLike globs the rest", "", "StringLike", "${aws:RequestTag/org}/*", "a?/k", "aws:RequestTag/org", "a?", true, true},
		{"StringNotLike", "", "StringNotLike", "${aws:RequestTag/org}/*", "b/k", "aws:RequestTag/org", "a", true, true},
		{"IgnoreCase", "", "StringEqualsIgnoreCase", "CAS-${aws:RequestTag/org}", "cas-a", "aws:RequestTag/org", "A", true, true},
		{"ArnLike", "", "ArnLike", "arn:aws:iam::1:role/${aws:RequestTag/org}", "arn:aws:iam::1:role/A", "aws:RequestTag/org", "A", true, true},
		{"ArnEquals with a whole ARN", "", "ArnEquals", "${aws:PrincipalArn}", "arn:aws:iam::1:role/A", "aws:PrincipalArn", "arn:aws:iam::1:role/A", true, true},
		{"Bool", "", "Bool", "${aws:Other}", "true", "aws:Other", "true", true, true},
		{"Numeric takes none", "", "NumericEquals", "${aws:Other}", "7", "aws:Other", "7", false, true},
		{"2008 condition", noVersion, "StringEquals", "${aws:Other}", "7", "aws:Other", "7", false, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			version := row.version
			if version == "" {
				version = iam.Version2012
			}
			ctx := iam.Context{}
			if row.key != "" {
				ctx.Set(row.key, row.value)
			}
			st := iam.Statement{Actions: []string{"*"}, Resources: []string{"*"}}
			req := iam.Request{Principal: "arn:aws:iam::111122223333:user/u", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: account, Context: ctx}
			switch row.element {
			case "Resource":
				st.Resources, req.Resource = []string{row.pattern}, row.got
			case "NotResource":
				st.Resources, st.NotResources, req.Resource = nil, []string{row.pattern}, row.got
			default:
				ctx.Set("aws:Key", row.got)
				st.Conditions = []iam.Condition{{Operator: row.element, Key: "aws:Key", Values: []string{row.pattern}}}
			}
			evaluate := func(statements ...iam.Statement) iam.Result {
				return iam.Evaluate(req, iam.PolicySet{Identity: []iam.Policy{{Document: &iam.Document{Version: version, Statements: statements}}}}).Result
			}
			st.Effect = iam.Allow
			if got := evaluate(st) == iam.Allowed; got != row.inAllow {
				t.Errorf("the Allow applies: %t, want %t", got, row.inAllow)
			}
			st.Effect = iam.Deny
			everything := iam.Statement{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}
			if got := evaluate(everything, st) == iam.ExplicitlyDenied; got != row.deny {
				t.Errorf("the Deny applies: %t, want %t", got, row.deny)
			}
		})
	}
}

// TestVariableWithSeveralValues: AWS forbids keys with several values in variables, and
// a default is for when there is no value.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-default-values
func TestVariableWithSeveralValues(t *testing.T) {
	t.Parallel()
	ctx := iam.Context{}
	ctx.Set("aws:TagKeys", "org", "team")
	doc := document(t, iam.KindIdentity, []string{allow("*", `["arn:aws:s3:::b/${aws:TagKeys}","arn:aws:s3:::b/${aws:TagKeys, 'org'}"]`, "")})
	got := iam.Evaluate(iam.Request{
		Principal: "arn:aws:iam::111122223333:user/u", Action: get, Resource: "arn:aws:s3:::b/org", Account: account, Context: ctx,
	}, iam.PolicySet{Identity: []iam.Policy{{Document: doc}}})
	if got.Allowed() {
		t.Error("a key with several values was used as a variable, which AWS forbids")
	}
}

// TestContextAdd: two tags that are one condition key do not take each other's place.
func TestContextAdd(t *testing.T) {
	t.Parallel()
	ctx := iam.Context{}
	ctx.Add("aws:ResourceTag/Org", "theirs")
	clone := maps.Clone(ctx)
	ctx.Add("aws:ResourceTag/org", "mine")
	clone.Add("aws:ResourceTag/org", "nobody's")
	got, _ := ctx.Get("aws:resourcetag/org")
	if diff := cmp.Diff([]string{"theirs", "mine"}, got); diff != "" {
		t.Error(diff)
	}
}
