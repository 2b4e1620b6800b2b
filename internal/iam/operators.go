package iam

import "strings"

// operator is a condition operator taken apart.
type operator struct {
	quantifier quantifier
	compare    comparison
	negated    bool
	ifExists   bool
}

// quantifier says how many of a key's values have to satisfy the operator.
type quantifier uint8

const (
	unqualified  quantifier = iota
	forAllValues            // every one; so also when there is none
	forAnyValue             // at least one
)

// comparison is what an operator does with one value of the policy and one of the
// request.
type comparison uint8

const (
	stringEquals comparison = iota
	stringEqualsFold
	stringLike
	numericEquals
	numericLess
	numericLessEquals
	numericGreater
	numericGreaterEquals
	dateEquals
	dateLess
	dateLessEquals
	dateGreater
	dateGreaterEquals
	boolEquals
	binaryEquals
	ipInRange
	arnLike
	keyAbsent
)

// parseOperator reads the name of a condition operator. Names are case-sensitive.
// Null takes neither a set operator nor IfExists, because it asks itself whether the
// key is there.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
func parseOperator(name string) (operator, bool) {
	var op operator
	rest := name
	if r, ok := strings.CutPrefix(rest, "ForAllValues:"); ok {
		op.quantifier, rest = forAllValues, r
	} else if r, ok := strings.CutPrefix(rest, "ForAnyValue:"); ok {
		op.quantifier, rest = forAnyValue, r
	}
	rest, op.ifExists = strings.CutSuffix(rest, "IfExists")
	var ok bool
	if op.compare, op.negated, ok = baseOperator(rest); !ok {
		return operator{}, false
	}
	if op.compare == keyAbsent && rest != name {
		return operator{}, false
	}
	return op, true
}

func baseOperator(name string) (compare comparison, negated, ok bool) {
	switch name {
	case "StringEquals":
		return stringEquals, false, true
	case "StringNotEquals":
		return stringEquals, true, true
	case "StringEqualsIgnoreCase":
		return stringEqualsFold, false, true
	case "StringNotEqualsIgnoreCase":
		return stringEqualsFold, true, true
	case "StringLike":
		return stringLike, false, true
	case "StringNotLike":
		return stringLike, true, true
	case "NumericEquals":
		return numericEquals, false, true
	case "NumericNotEquals":
		return numericEquals, true, true
	case "NumericLessThan":
		return numericLess, false, true
	case "NumericLessThanEquals":
		return numericLessEquals, false, true
	case "NumericGreaterThan":
		return numericGreater, false, true
	case "NumericGreaterThanEquals":
		return numericGreaterEquals, false, true
	case "DateEquals":
		return dateEquals, false, true
	case "DateNotEquals":
		return dateEquals, true, true
	case "DateLessThan":
		return dateLess, false, true
	case "DateLessThanEquals":
		return dateLessEquals, false, true
	case "DateGreaterThan":
		return dateGreater, false, true
	case "DateGreaterThanEquals":
		return dateGreaterEquals, false, true
	case "Bool":
		return boolEquals, false, true
	case "BinaryEquals":
		return binaryEquals, false, true
	case "IpAddress":
		return ipInRange, false, true
	case "NotIpAddress":
		return ipInRange, true, true
	case "ArnEquals", "ArnLike": // AWS: the two behave identically
		return arnLike, false, true
	case "ArnNotEquals", "ArnNotLike":
		return arnLike, true, true
	case "Null":
		return keyAbsent, false, true
	}
	return 0, false, false
}

// takesVariables reports whether policy variables are replaced in the values. The
// pages of AWS disagree about Bool; its own table of operators says yes.
func (c comparison) takesVariables() bool {
	switch c {
	case stringEquals, stringEqualsFold, stringLike, arnLike, boolEquals:
		return true
	}
	return false
}

// takesPatterns reports whether "*" and "?" in the values are wildcards.
func (c comparison) takesPatterns() bool { return c == stringLike || c == arnLike }
