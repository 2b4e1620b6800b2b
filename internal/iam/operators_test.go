package iam_test

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

const operatorPage = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"

// holds evaluates one condition with both effects and says whether the statement
// applied: an Allow alone in an identity policy, a Deny beside an Allow of everything.
func holds(t *testing.T, version string, c iam.Condition, ctx iam.Context) (inAllow, inDeny bool) {
	t.Helper()
	req := iam.Request{Principal: "arn:aws:iam::111122223333:user/u", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Account: account, Context: ctx}
	evaluate := func(statements ...iam.Statement) iam.Result {
		doc := &iam.Document{Version: version, Statements: statements}
		return iam.Evaluate(req, iam.PolicySet{Identity: []iam.Policy{{Document: doc}}}).Result
	}
	statement := func(effect iam.Effect, conditions ...iam.Condition) iam.Statement {
		return iam.Statement{Effect: effect, Actions: []string{"*"}, Resources: []string{"*"}, Conditions: conditions}
	}
	return evaluate(statement(iam.Allow, c)) == iam.Allowed,
		evaluate(statement(iam.Allow), statement(iam.Deny, c)) == iam.ExplicitlyDenied
}

// TestOperators asks every operator four questions: a value that matches, one that
// does not, no value, and no value with IfExists. Negation only swaps the first two
// and turns the third around (source of every row: operatorPage; facts AWS §3.4).
func TestOperators(t *testing.T) {
	t.Parallel()
	rows := []struct {
		operator    string
		policy      string
		match, miss string
		negated     bool
	}{
		{"StringEquals", "orgA", "orgA", "orga", false},
		{"StringEquals", "org*", "org*", "orgA", false}, // never globs
		{"StringEquals", "", "", "x", false},
		{"StringNotEquals", "orgA", "orga", "orgA", true},
		{"StringEqualsIgnoreCase", "orgA", "ORGa", "orgB", false},
		{"StringNotEqualsIgnoreCase", "orgA", "orgB", "ORGA", true},
		{"StringLike", "org?/*", "orgA/x/y:z", "orgAB/x", false},
		{"StringNotLike", "arn:*:accesspoint/cas-*", "arn:aws:s3:::b", "arn:aws:s3:eu:1:accesspoint/cas-1", true},
		{"NumericEquals", "10", "10.0", "11", false},
		{"NumericEquals", "9007199254740993", "9007199254740993", "9007199254740992", false},
		{"NumericNotEquals", "10", "9", "10", true},
		{"NumericLessThan", "10", "9", "10", false},
		{"NumericLessThanEquals", "10", "10", "10.5", false},
		{"NumericGreaterThan", "10", "11", "10", false},
		{"NumericGreaterThanEquals", "-1.5", "-1.5", "-2", false},
		{"DateEquals", "2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:01Z", false},
		{"DateEquals", "2026", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", false},
		{"DateNotEquals", "2026-01-31", "2026-02-01", "2026-01-31T00:00Z", true},
		{"DateLessThan", "2026-01-31T12:00:00Z", "1769860799", "1769860800", false},
		{"DateLessThanEquals", "1769860800", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5Z", false},
		{"DateGreaterThan", "2020-01", "2020-01-01T00:00:01Z", "2020-01-01T00:00:00Z", false},
		{"DateGreaterThanEquals", "2020-01-01", "2020-01-01T00:00:00Z", "2019-12-31T23:59:59Z", false},
		{"Bool", "true", "True", "false", false},
		{"Bool", "false", "false", "true", false},
		{"BinaryEquals", "QUJD", "QUJD", "QUJE", false},
		{"IpAddress", "203.0.113.0/24", "203.0.113.255", "203.0.114.0", false},
		{"IpAddress", "203.0.113.7", "203.0.113.7", "203.0.113.8", false},
		{"IpAddress", "203.0.113.7/24", "::ffff:203.0.113.1", "::1", false},
		{"IpAddress", "2001:db8:1234:5678::/64", "2001:DB8:1234:5678::1", "2001:db8:1234:5679::1", false},
		{"NotIpAddress", "203.0.113.0/24", "2001:db8::1", "203.0.113.1", true},
		{"ArnEquals", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:role/a/b", "arn:aws:iam::999988887777:role/a", false},
		{"ArnLike", "arn:aws:someservice:*:111122223333:finance/*", "arn:aws:someservice:us-east-2:111122223333:finance/x:y", "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt", false},
		{"ArnLike", "arn:aws:s3:::?", "arn:aws:s3:::b", "no ARN", false},
		{"ArnNotEquals", "arn:aws:iam::111122223333:role/R", "arn:aws:iam::111122223333:role/r", "arn:aws:iam::111122223333:role/R", true},
		{"ArnNotLike", "arn:aws:s3:*:111122223333:accesspoint/*", "arn:aws:s3:eu:999988887777:accesspoint/x", "arn:aws:s3:eu:111122223333:accesspoint/x", true},
	}
	const key = "aws:Key"
	for _, row := range rows {
		t.Run(row.operator+" "+row.policy, func(t *testing.T) {
			t.Parallel()
			type question struct {
				name     string
				operator string
				values   []string
				want     bool
			}
			questions := []question{
				{"match", row.operator, []string{row.match}, true},
				{"mismatch", row.operator, []string{row.miss}, false},
				{"missing", row.operator, nil, row.negated},
				{"IfExists match", row.operator + "IfExists", []string{row.match}, true},
				{"IfExists mismatch", row.operator + "IfExists", []string{row.miss}, false},
				{"IfExists missing", row.operator + "IfExists", nil, true},
				{"ForAllValues missing", "ForAllValues:" + row.operator, nil, true},
				{"ForAnyValue missing", "ForAnyValue:" + row.operator, nil, false},
				{"ForAnyValue IfExists missing", "ForAnyValue:" + row.operator + "IfExists", nil, true},
			}
			if row.match != "" {
				questions = append(questions, []question{
					{"ForAllValues both match", "ForAllValues:" + row.operator, []string{row.match, row.match}, true},
					{"ForAllValues one mismatch", "ForAllValues:" + row.operator, []string{row.match, row.miss}, false},
					{"ForAnyValue one match", "ForAnyValue:" + row.operator, []string{row.miss, row.match}, true},
					{"ForAnyValue no match", "ForAnyValue:" + row.operator, []string{row.miss, row.miss}, false},
				}...)
			}
			for _, q := range questions {
				ctx := iam.Context{}
				ctx.Set(strings.ToUpper(key), q.values...)
				inAllow, inDeny := holds(t, iam.Version2012, iam.Condition{Operator: q.operator, Key: key, Values: []string{row.policy}}, ctx)
				if inAllow != q.want || inDeny != q.want {
					t.Errorf("%s: holds in Allow %t, in Deny %t; want %t", q.name, inAllow, inDeny, q.want)
				}
			}
		})
	}
}

// TestConditions holds what the matrix above has no column for.
func TestConditions(t *testing.T) {
	t.Parallel()
	const (
		sets     = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html"
		logic    = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html"
		failsafe = "AWS documents no result: the one that denies"
	)
	type list = []string
	rows := []struct {
		name        string
		operator    string
		policy, got list
		allow, deny bool
		source      string
	}{
		{"any of the values is enough", "StringEquals", list{"a", "b"}, list{"b"}, true, true, logic},
		{"none of the values may match", "StringNotEquals", list{"a", "b"}, list{"b"}, false, false, logic},
		{"no value matches", "StringNotEquals", list{"a", "b"}, list{"c"}, true, true, logic},
		{"Null true, key absent", "Null", list{"true"}, nil, true, true, operatorPage},
		{"Null true, key present", "Null", list{"true"}, list{"x"}, false, false, operatorPage},
		{"Null false, key absent", "Null", list{"false"}, nil, false, false, operatorPage},
		{"Null false, key present", "Null", list{"false"}, list{"x"}, true, true, operatorPage},
		{"Null with both", "Null", list{"true", "false"}, list{"x"}, true, true, logic},
		{"Null of nonsense", "Null", list{"maybe"}, list{"x"}, false, true, failsafe},
		{"all tag keys known", "ForAllValues:StringEquals", list{"org", "team"}, list{"org"}, true, true, sets},
		{"one tag key unknown", "ForAllValues:StringEquals", list{"org", "team"}, list{"org", "x"}, false, false, sets},
		{"every value is none of these", "ForAllValues:StringNotEquals", list{"a"}, list{"b", "c"}, true, true, sets},
		{"some value is one of these", "ForAllValues:StringNotEquals", list{"a"}, list{"b", "a"}, false, false, sets},
		{"some value is none of these", "ForAnyValue:StringNotEquals", list{"a"}, list{"a", "b"}, true, true, sets},
		{"an empty string is an empty set, all", "ForAllValues:StringEquals", list{"a"}, list{""}, true, true, sets},
		{"an empty string is an empty set, any", "ForAnyValue:StringEquals", list{""}, list{""}, false, false, sets},
		{"several values, no set operator, all match", "StringEquals", list{"a", "b"}, list{"a", "b"}, true, true, failsafe},
		{"several values, no set operator, one matches", "StringEquals", list{"a"}, list{"a", "b"}, false, true, failsafe},
		{"several values, negated, one matches", "StringNotEquals", list{"a"}, list{"a", "b"}, false, true, failsafe},
		{"several values, no set operator, none matches", "StringEquals", list{"x"}, list{"a", "b"}, false, false, failsafe},
		{"not a number", "NumericLessThan", list{"10"}, list{"ten"}, false, true, failsafe},
		{"infinity is no number", "NumericGreaterThan", list{"10"}, list{"Inf"}, false, true, failsafe},
		{"hexadecimal is no number", "NumericEquals", list{"16"}, list{"0x10"}, false, true, failsafe},
		{"not a number, negated", "NumericNotEquals", list{"10"}, list{"ten"}, false, true, failsafe},
		{"not a date", "DateLessThan", list{"2026-01-01"}, list{"soon"}, false, true, failsafe},
		{"not an address", "NotIpAddress", list{"10.0.0.0/8"}, list{"localhost"}, false, true, failsafe},
		{"not a boolean", "Bool", list{"true"}, list{"yes"}, false, true, failsafe},
		{"not base64", "BinaryEquals", list{"QUJD"}, list{"%"}, false, true, failsafe},
		{"policy value is not a range, another is", "IpAddress", list{"x", "10.0.0.0/8"}, list{"10.1.1.1"}, true, true, operatorPage},
		{"unknown operator", "StringEqual", list{"a"}, list{"a"}, false, true, failsafe},
		{"operators are case-sensitive", "stringequals", list{"a"}, list{"a"}, false, true, failsafe},
		{"Null takes no IfExists", "NullIfExists", list{"true"}, nil, false, true, operatorPage},
		{"no values", "StringNotEquals", nil, list{"a"}, false, true, failsafe},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ctx := iam.Context{}
			ctx.Set("aws:Key", row.got...)
			inAllow, inDeny := holds(t, iam.Version2012, iam.Condition{Operator: row.operator, Key: "AWS:kEY", Values: row.policy}, ctx)
			if inAllow != row.allow || inDeny != row.deny {
				t.Errorf("holds in Allow %t, in Deny %t; want %t, %t (%s)", inAllow, inDeny, row.allow, row.deny, row.source)
			}
		})
	}
}
