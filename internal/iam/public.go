package iam

import (
	"net/netip"
	"strings"
)

// Public reports whether a bucket or access point policy grants public access, as S3
// Block Public Access reads it, and which statements do. A statement is public until
// it is shown to grant to fixed values only: named principals, or one of a few
// condition keys with values without wildcards and variables (facts AWS §2.5).
//
// An access point with a VPC origin is never public, whatever its policy says; that
// is for the caller to know.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
func Public(kind Kind, d *Document) (bool, []Reason) {
	var reasons []Reason
	for i := range d.Statements {
		st := &d.Statements[i]
		if st.Effect != Allow || fixedPrincipals(st.Principals) || fixedConditions(kind, st.Conditions) {
			continue
		}
		reasons = append(reasons, Reason{
			Layer:     LayerResource,
			Statement: i,
			Sid:       st.Sid,
			Effect:    st.Effect,
			Text: "The " + string(kind) + " policy grants public access in " + nameStatement(i, st.Sid) +
				": neither its principals nor its conditions are fixed values.",
		})
	}
	return len(reasons) > 0, reasons
}

// fixedPrincipals reports whether all principals are single accounts, users, roles or
// services. An identity provider is not: its users are anybody.
func fixedPrincipals(p *Principals) bool {
	if p == nil || p.Any || len(p.Federated) > 0 {
		return false
	}
	for _, entry := range p.AWS {
		if !fixed(entry) {
			return false
		}
	}
	return len(p.AWS)+len(p.Service)+len(p.CanonicalUser) > 0
}

func fixedConditions(kind Kind, conditions []Condition) bool {
	for i := range conditions {
		if fixedCondition(kind, &conditions[i]) {
			return true
		}
	}
	return false
}

// fixedCondition reports whether c alone confines a grant to fixed values: it fails
// for a request without the key, and every value is fixed.
func fixedCondition(kind Kind, c *Condition) bool {
	op, ok := parseOperator(c.Operator)
	if !ok || op.negated || op.ifExists || op.quantifier == forAllValues || len(c.Values) == 0 {
		return false
	}
	check := fixed
	switch key := strings.ToLower(c.Key); key {
	case "aws:sourceip":
		if op.compare != ipInRange {
			return false
		}
		check = narrowRange
	case "s3:dataaccesspointarn":
		if kind == KindBucket {
			check = fixedAccount
		}
	case "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount",
		"aws:userid", "aws:principalorgid",
		"s3:dataaccesspointaccount", "s3:x-amz-server-side-encryption-aws-kms-key-id":
	default:
		return false
	}
	switch op.compare {
	case stringEquals, stringEqualsFold, stringLike, arnLike, ipInRange:
	default:
		return false
	}
	for _, v := range c.Values {
		if !check(v) {
			return false
		}
	}
	return true
}

// fixed reports whether a value has neither wildcard nor policy variable.
func fixed(v string) bool { return v != "" && !strings.ContainsAny(v, "*?") && !hasVariable(v) }

// fixedAccount is the rule for access point ARNs in bucket policies: only the name
// may have wildcards.
func fixedAccount(v string) bool {
	a, ok := splitARN(v)
	return ok && isAccountID(a.account) && fixed(a.partition) && fixed(a.service) && fixed(a.region) &&
		strings.HasPrefix(a.resource, "accesspoint/") && !hasVariable(a.resource)
}

// narrowRange reports whether a range is no broader than AWS accepts: /8 for IPv4,
// /32 for IPv6.
func narrowRange(v string) bool {
	p, err := parseRange(v)
	if err != nil {
		return false
	}
	if p.Addr().Is4() {
		return p.Bits() >= 8
	}
	return p.Bits() >= 32 && !netip.MustParsePrefix("::ffff:0:0/96").Overlaps(p)
}
