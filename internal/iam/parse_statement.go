package iam

import "strings"

// statementParser reads the statements of one document.
type statementParser struct {
	kind      Kind
	grammar   grammar
	variables bool
	where     place
}

// at is the place of an element of the statement, or of something inside it.
func (p *statementParser) at(element string, inside ...string) place {
	where := p.where
	where.path[0] = element
	copy(where.path[1:], inside)
	return where
}

func (p *statementParser) parse(v *value) (Statement, error) {
	var st Statement
	if v.kind != kindObject {
		return st, malformed(p.where, "is %s; a statement is an object", v.kind)
	}
	for i := range v.list {
		if err := p.element(&st, &v.list[i]); err != nil {
			return st, err
		}
	}
	if !v.has("Effect") {
		return st, malformed(p.where, "has no Effect; write Allow or Deny")
	}
	if err := p.oneOf(v, "Action", "NotAction", true); err != nil {
		return st, err
	}
	if err := p.oneOf(v, "Resource", "NotResource", p.grammar.resource); err != nil {
		return st, err
	}
	if err := p.oneOf(v, "Principal", "NotPrincipal", p.grammar.principal); err != nil {
		return st, err
	}
	if v.has("NotPrincipal") && !p.grammar.notPrincipal {
		return st, malformed(p.at("NotPrincipal"), "is not allowed in %s policy; name the principals", article(p.kind))
	}
	if v.has("NotPrincipal") && st.Effect == Allow {
		return st, malformed(p.at("NotPrincipal"), `goes only with "Effect": "Deny": an Allow would grant to everybody else`)
	}
	return st, nil
}

// oneOf checks that a statement has exactly one of two elements, or none when the
// kind has no place for them.
func (p *statementParser) oneOf(st *value, element, notElement string, wanted bool) error {
	switch {
	case st.has(element) && st.has(notElement):
		return malformed(p.where, "has both %s and %s; keep one", element, notElement)
	case wanted && !st.has(element) && !st.has(notElement):
		return malformed(p.where, "has neither %s nor %s; %s policy needs one", element, notElement, article(p.kind))
	case !wanted && (st.has(element) || st.has(notElement)):
		return malformed(p.where, "has %s or %s, which %s policy must not have", element, notElement, article(p.kind))
	}
	return nil
}

func (p *statementParser) element(st *Statement, m *value) (err error) {
	switch m.name {
	case "Sid":
		st.Sid, err = p.sid(m)
	case "Effect":
		st.Effect, err = p.effect(m)
	case "Principal":
		st.Principals, err = p.principals("Principal", m)
	case "NotPrincipal":
		st.NotPrincipals, err = p.principals("NotPrincipal", m)
	case "Action":
		st.Actions, err = p.checked("Action", m, p.checkAction)
	case "NotAction":
		st.NotActions, err = p.checked("NotAction", m, p.checkAction)
	case "Resource":
		st.Resources, err = p.checked("Resource", m, p.checkResource)
	case "NotResource":
		st.NotResources, err = p.checked("NotResource", m, p.checkResource)
	case "Condition":
		st.Conditions, err = p.conditions(m)
	default:
		err = malformed(p.where, "unknown element %q; names of elements are case-sensitive", clip(m.name))
	}
	return err
}

func (p *statementParser) sid(v *value) (string, error) {
	sid, err := parseString(p.at("Sid"), v)
	if err == nil && p.grammar.strictSid && !isAlphanumeric(sid) {
		err = malformed(p.at("Sid"), "%q may hold only the letters A-Z, a-z and digits", clip(sid))
	}
	return sid, err
}

func (p *statementParser) effect(v *value) (Effect, error) {
	text, err := parseString(p.at("Effect"), v)
	if e := Effect(text); err == nil && e != Allow && e != Deny {
		err = malformed(p.at("Effect"), "%q is neither Allow nor Deny", clip(text))
	}
	return Effect(text), err
}

func (p *statementParser) checked(element string, v *value, check func(string) string) ([]string, error) {
	all, err := parseStrings(p.at(element), v)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if fault := check(s); fault != "" {
			return nil, malformed(p.at(element), "%q %s", clip(s), fault)
		}
	}
	return all, nil
}

func (p *statementParser) checkAction(action string) string {
	if (action == "*" || action == "*:*") && !p.grammar.stsOnly {
		return ""
	}
	service, name, ok := strings.Cut(action, ":")
	if !ok || !isToken(service, "-") || !isToken(name, "*?-_") {
		return `is not an action; write service:Name, where the name may have wildcards, or "*"`
	}
	if p.grammar.stsOnly && !strings.EqualFold(service, "sts") {
		return "is not an action of sts; a trust policy may hold no other"
	}
	return ""
}

func (p *statementParser) checkResource(resource string) string {
	if resource == "*" {
		return ""
	}
	a, ok := splitARN(resource)
	if !ok || a.resource == "" {
		return `is not an ARN; write arn:partition:service:region:account:resource, or "*"`
	}
	// IAM: "Partition … is not valid for resource". AWS's own examples write arn:*: for
	// policies of all partitions; its reference of Resource admits no wildcard in the
	// service.
	if !isToken(a.partition, "-*?") || !isToken(a.service, "-") {
		return "needs a partition, and a service without wildcards"
	}
	if !p.variables {
		return ""
	}
	if prefix, _ := arnPrefix(resource); hasVariable(prefix) {
		return "has a policy variable before its fifth colon; only the last part of an ARN may hold variables"
	}
	if err := checkVariables(resource); err != nil {
		return "has a malformed variable: " + err.Error()
	}
	return ""
}

// isToken reports whether s is made of one or more ASCII letters, digits and
// characters of extra.
func isToken(s, extra string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i:i+1]) && strings.IndexByte(extra, s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

func isAlphanumeric(s string) bool {
	for i := range len(s) {
		if c := lower(s[i]); (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
