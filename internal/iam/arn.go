package iam

import "strings"

// arnParts is the number of parts of an ARN:
// arn:partition:service:region:account:resource.
const arnParts = 6

// arn is a split ARN. Its resource may itself hold colons.
type arn struct{ partition, service, region, account, resource string }

// splitARN splits s; it judges no part, except that the first is "arn".
func splitARN(s string) (arn, bool) {
	rest, ok := strings.CutPrefix(s, "arn:")
	if !ok {
		return arn{}, false
	}
	var a arn
	for _, part := range []*string{&a.partition, &a.service, &a.region, &a.account} {
		if *part, rest, ok = strings.Cut(rest, ":"); !ok {
			return arn{}, false
		}
	}
	a.resource = rest
	return a, true
}

// isAccountID reports whether s is an AWS account id: 12 digits.
func isAccountID(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
