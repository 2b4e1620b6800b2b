package iam_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// universe draws small worlds: three accounts, every class of principal, and few
// enough actions, resources, keys and values that statements and requests meet.
type universe struct{ *rand.Rand }

var seed = flag.Uint64("seed", 7, "of the random worlds, the same in every run; 0: another one in each")

// newUniverse draws what it draws in every run: nobody's change fails by a world that it has
// nothing to do with. What another seed finds becomes a row of a table.
func newUniverse(t *testing.T, stream uint64) universe {
	t.Helper()
	from := *seed
	if from == 0 {
		from = rand.Uint64()
	}
	t.Logf("seed %d, stream %d", from, stream)
	return universe{rand.New(rand.NewPCG(from, stream))}
}

func (u universe) one(from ...string) string { return from[u.IntN(len(from))] }
func (u universe) chance(percent int) bool   { return u.IntN(100) < percent }

func (u universe) some(draw func() string) []string {
	list := make([]string, 1+max(0, u.IntN(5)-2))
	for i := range list {
		list[i] = draw()
	}
	return list
}

func (u universe) action() string {
	return u.one("*", "*", "s3:*", "s3:*", "s3:GetObject", "s3:getOBJECT", "s3:Get*", "s3:?etObject", "s3:PutObject", "kms:*", "kms:Decrypt", "sts:AssumeRole")
}

func (u universe) resource() string {
	return u.one("*", "*", "*", "*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/orgA/x", "arn:aws:s3:::b/org?/*", "arn:aws:s3:::*",
		"arn:aws:s3:::b/${aws:PrincipalTag/org}/*", "arn:aws:s3:::b/${aws:principaltag/ORG, 'orgB'}/x", "arn:aws:s3:::b/${*}/x", "arn:aws:s3:::b/${aws:TagKeys}/x",
		"arn:aws:s3:*:*:accesspoint/a/object/orgA/*", "arn:aws:s3:*:111122223333:*", "arn:aws:s3:eu:*:accesspoint/?/object/${aws:PrincipalTag/org}/*",
		"arn:aws:kms:*:111122223333:key/k", "arn:aws:iam::111122223333:role/*")
}

func (u universe) key() string {
	return u.one("aws:PrincipalTag/org", "AWS:principalTag/ORG", "aws:userid", "aws:SourceIp", "aws:SecureTransport", "aws:TagKeys", "s3:max-keys", "aws:CurrentTime", "aws:PrincipalArn")
}

func (u universe) value() string {
	return u.one("orgA", "orgA", "orgB", "ORGA", "org*", "", "AROAR:orgA", "true", "False", "10", "9.5", "10.0", "-1", "10.1.2.3", "192.0.2.1", "2001:db8::1",
		"2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2025-12-31T23:59:59Z", "arn:aws:iam::111122223333:role/R", "arn:aws:iam::111122223333:role/dir/R", "a:b:c:d:e:f:g")
}

// wanted draws a value of a policy; some that Parse would refuse are left to the
// tables.
func (u universe) wanted(operator string) string {
	switch {
	case operator == "Null":
		return u.one("true", "false")
	case operator == "Bool", operator == "BoolIfExists":
		return u.one("true", "false", "TRUE")
	case u.chance(30):
		return u.one("*", "org?", "${aws:PrincipalTag/org}", "${aws:userid}", "${aws:PrincipalTag/org, 'orgA'}*", "*${*}", "?${?}*", "${aws:TagKeys}",
			"10.0.0.0/8", "2001:db8::/32", "arn:aws:iam::*:role/*", "arn:*:iam::111122223333:role/?", "arn:aws:iam::111122223333:role/${aws:PrincipalTag/org}", "${aws:PrincipalArn}")
	}
	return u.value()
}

func (u universe) operator() string {
	base := u.one("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
		"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThanEquals", "DateGreaterThan",
		"Bool", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null")
	if base == "Null" {
		return base
	}
	if u.chance(20) {
		base += "IfExists"
	}
	return u.one("", "", "", "ForAllValues:", "ForAnyValue:") + base
}

func (u universe) principals() *iam.Principals {
	if u.chance(20) {
		return &iam.Principals{Any: true}
	}
	p := &iam.Principals{}
	for range 1 + u.IntN(3) {
		switch u.IntN(8) {
		case 0:
			p.Service = append(p.Service, u.one("pods.eks.amazonaws.com", "ec2.amazonaws.com"))
		case 1:
			p.Federated = append(p.Federated, u.one("accounts.google.com", "arn:aws:iam::111122223333:oidc-provider/oidc.example.com"))
		default:
			p.AWS = append(p.AWS, u.one("*", "111122223333", "999988887777", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/R", "arn:aws:iam::111122223333:role/dir/R",
				"arn:aws:sts::111122223333:assumed-role/R/s", "arn:aws:sts::111122223333:federated-user/f", "arn:aws:iam::111122223333:user/u", "arn:aws:iam::999988887777:role/R", "AROATENANTEXAMPLE0001"))
		}
	}
	return p
}

func (u universe) statement(principals bool) iam.Statement {
	st := iam.Statement{Effect: iam.Allow, Actions: u.some(u.action), Resources: u.some(u.resource)}
	if u.chance(20) {
		st.Effect = iam.Deny
	}
	if u.chance(15) {
		st.Actions, st.NotActions = nil, st.Actions
	}
	if u.chance(15) {
		st.Resources, st.NotResources = nil, st.Resources
	}
	if principals {
		st.Principals = u.principals()
		if st.Effect == iam.Deny && u.chance(40) {
			st.Principals, st.NotPrincipals = nil, st.Principals
		}
	}
	for range max(0, u.IntN(5)-2) {
		op := u.operator()
		st.Conditions = append(st.Conditions, iam.Condition{Operator: op, Key: u.key(), Values: u.some(func() string { return u.wanted(op) })})
	}
	return st
}

func (u universe) policy(name string, principals bool) iam.Policy {
	doc := &iam.Document{Version: iam.Version2012}
	if u.chance(15) {
		doc.Version = iam.Version2008
	}
	for range 1 + u.IntN(3) {
		doc.Statements = append(doc.Statements, u.statement(principals))
	}
	return iam.Policy{Name: name, Document: doc}
}

func (u universe) policies(name string, none int) []iam.Policy {
	if u.chance(none) {
		return nil
	}
	list := make([]iam.Policy, 1+u.IntN(2))
	for i := range list {
		list[i] = u.policy(name, false)
	}
	return list
}

func (u universe) set() iam.PolicySet {
	set := iam.PolicySet{
		Identity: u.policies("identity", 20), Boundary: u.policies("boundary", 70), Session: u.policies("session", 60),
		RequireResource: u.chance(20),
	}
	set.SessionPassed = set.Session != nil || u.chance(15)
	if u.chance(60) {
		p := u.policy("resource", true)
		set.Resource = &p
	}
	if u.chance(15) {
		p := u.policy("endpoint", true)
		set.Endpoint = &p
	}
	return set
}

func (u universe) request() iam.Request {
	req := iam.Request{
		Principal: u.one("arn:aws:sts::111122223333:assumed-role/R/s", "arn:aws:sts::111122223333:assumed-role/R/s", "arn:aws:iam::111122223333:role/R",
			"arn:aws:iam::111122223333:user/u", "arn:aws:iam::111122223333:root", "arn:aws:sts::111122223333:federated-user/f",
			"arn:aws:iam::999988887777:role/R", "arn:aws:sts::444455556666:assumed-role/R/s", "pods.eks.amazonaws.com", "accounts.google.com",
			"arn:aws:iam::111122223333:oidc-provider/oidc.example.com", iam.Anonymous),
		Action: u.one("s3:GetObject", "s3:GetObject", "s3:PutObject", "kms:Decrypt", "sts:AssumeRole"),
		Resource: u.one("arn:aws:s3:::b/orgA/x", "arn:aws:s3:::b/orgA/x", "arn:aws:s3:::b/orgB/x", "arn:aws:s3:::b/*/x", "arn:aws:s3:eu:111122223333:accesspoint/a/object/orgA/sha256:1",
			"arn:aws:kms:eu:111122223333:key/k", "arn:aws:iam::111122223333:role/R", "*"),
		Account: u.one("111122223333", "111122223333", "111122223333", "999988887777", ""),
		Context: iam.Context{},
	}
	if req.Principal == "arn:aws:sts::111122223333:assumed-role/R/s" && u.chance(30) {
		req.PrincipalRole = "arn:aws:iam::111122223333:role/dir/R"
	}
	for range u.IntN(6) {
		values := []string{u.value()}
		if u.chance(20) {
			values = append(values, u.value())
		}
		req.Context.Set(u.key(), values...)
	}
	return req
}
