package iam

import "strings"

func (p *statementParser) principals(element string, v *value) (*Principals, error) {
	where := p.at(element)
	if v.kind == kindString {
		if v.text != "*" {
			return nil, malformed(where, `%q is not "*"; write {"AWS": …} or {"Service": …}`, clip(v.text))
		}
		return &Principals{Any: true}, nil
	}
	if v.kind != kindObject || len(v.list) == 0 {
		return nil, malformed(where, `is %s; write "*", or an object with at least one of AWS, Service and Federated`, emptyOr(v))
	}
	ps := &Principals{}
	for i := range v.list {
		m := &v.list[i]
		var list *[]string
		var check func(string) bool
		var want string
		switch m.name {
		case "AWS":
			list, check = &ps.AWS, isAWSPrincipal
			want = `write "*", an account id, or the full ARN of an account's root, user, role, role session or federated user, without wildcards`
		case "Service":
			list, check, want = &ps.Service, isHostName, "write the name of a service, such as pods.eks.amazonaws.com"
		case "Federated":
			list, check, want = &ps.Federated, isProvider, "write the ARN of an OIDC or SAML provider, or a provider's host name"
		case "CanonicalUser":
			if !p.grammar.canonicalUser {
				return nil, malformed(where, "CanonicalUser is known to S3 only; name the account under AWS")
			}
			list, check, want = &ps.CanonicalUser, isCanonicalUser, "write the 64 hexadecimal digits of a canonical user id"
		default:
			return nil, malformed(where, "%q is not a type of principal; known are AWS, Service, Federated and CanonicalUser", clip(m.name))
		}
		entries, err := parseStrings(p.at(element, m.name), m)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if !check(entry) {
				return nil, malformed(p.at(element, m.name), "%q is not a principal; %s", clip(entry), want)
			}
		}
		*list = entries
	}
	return ps, nil
}

func emptyOr(v *value) string {
	if v.kind == kindObject {
		return "empty"
	}
	return v.kind.String()
}

// isAWSPrincipal knows the forms of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
// and unique ids ("AROA…"), which AWS shows in place of ARNs that are gone.
func isAWSPrincipal(entry string) bool {
	if entry == "*" || isAccountID(entry) || isUniqueID(entry) {
		return true
	}
	a, ok := splitARN(entry)
	if !ok || a.region != "" || !isAccountID(a.account) || !isToken(a.partition, "-") || strings.ContainsAny(entry, "*?${}") {
		return false
	}
	req := Request{Principal: entry}
	switch callerOf(&req).kind {
	case callerRoot, callerUser, callerRole, callerSession, callerFederatedUser:
		return true
	}
	return false
}

// isUniqueID reports whether s has the form of an IAM unique id: "A", then upper-case
// letters and digits; 16 to 128 characters (API reference, type idType).
func isUniqueID(s string) bool {
	if len(s) < 16 || len(s) > 128 || s[0] != 'A' {
		return false
	}
	return isAlphanumeric(s) && strings.ToUpper(s) == s
}

func isProvider(entry string) bool {
	req := Request{Principal: entry}
	return isHostName(entry) || callerOf(&req).kind == callerProvider && !strings.ContainsAny(entry, "*?${}")
}

func isCanonicalUser(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
