package iam_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

// model is a second opinion about Evaluate: AWS's pages written down as directly as
// Go permits, with sets, maps and regular expressions, and without regard to speed.
// It shares no code with the package. Where a rule of it comes from is said at the
// rule; "deny by default" is this project's answer where AWS documents none.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
type model struct {
	req iam.Request
	set iam.PolicySet
	log []string

	expressions expressions
}

func (e expressions) decide(req iam.Request, set iam.PolicySet) (iam.Result, []string) {
	m := &model{req: req, set: set, expressions: e}
	return m.decide(), m.log
}

func (m *model) say(format string, args ...any) { m.log = append(m.log, fmt.Sprintf(format, args...)) }

// who says what a Principal element may call the caller, and as what it addresses it
// then: "all", "session", "role", "account" or "service". The last row of the page on
// principals is that several of them apply to one caller.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func (m *model) who() (names map[string]string, account string) {
	names = map[string]string{"Any": "all", "AWS *": "all"}
	p := m.req.Principal
	parts := strings.SplitN(p, ":", 6)
	if p == iam.Anonymous {
		return names, ""
	}
	if len(parts) != 6 {
		names["Service "+p], names["Federated "+p] = "service", "service"
		return names, ""
	}
	account, resource := parts[4], parts[5]
	if strings.HasPrefix(resource, "oidc-provider/") {
		names["Federated "+p] = "service"
		return names, ""
	}
	names["AWS "+account] = "account"
	names["AWS arn:aws:iam::"+account+":root"] = "account"
	switch kind := strings.Split(resource, "/"); kind[0] {
	case "assumed-role":
		role := "arn:aws:iam::" + account + ":role/" + kind[1]
		if m.req.PrincipalRole != "" {
			role = m.req.PrincipalRole
		}
		names["AWS "+role] = "role"
		names["AWS "+p] = "session"
	case "role":
		names["AWS "+p] = "role"
	case "user", "federated-user":
		names["AWS "+p] = "session"
	}
	return names, account
}

// decide is the chart of the page, read from the top.
func (m *model) decide() iam.Result {
	names, account := m.who()
	has := func(kind string) bool { return strings.Contains(m.req.Principal, kind) }
	outside := account == "" // services, providers and anonymous callers have no policies

	if m.anyDeny(names) {
		return iam.ExplicitlyDenied
	}
	if m.set.Endpoint != nil && len(m.addressed(names, *m.set.Endpoint)) == 0 {
		m.say("the endpoint policy does not allow")
		return iam.ImplicitlyDenied
	}
	grants := map[string]bool{}
	if m.set.Resource != nil {
		grants = m.addressed(names, *m.set.Resource)
	}
	m.say("the resource policy grants to %v", grants)

	identity := m.anyAllow(m.set.Identity) || has(":root") // the root user has full access
	limits := true
	if len(m.set.Boundary) > 0 {
		limits = limits && m.anyAllow(m.set.Boundary)
	}
	// "If there is no session policy … role session: Allow. Otherwise: Deny."
	if m.set.SessionPassed || len(m.set.Session) > 0 || has(":federated-user/") {
		limits = limits && m.anyAllow(m.set.Session)
	}
	owner := m.req.Account
	if owner == "" && strings.Count(m.req.Resource, ":") >= 5 {
		owner = strings.Split(m.req.Resource, ":")[4]
	}
	m.say("identity allows: %t; boundary and session policy allow: %t; owner %q, caller of %q", identity, limits, owner, account)

	allowed := false
	switch {
	case outside:
		allowed = len(grants) > 0
	case owner != account:
		// Cross-account: both sides.
		allowed = len(grants) > 0 && identity && limits
	case m.set.RequireResource && len(grants) == 0:
		// "Exceptions … must explicitly allow": trust policies and key policies.
	default:
		allowed = grants["all"] || grants["session"] || // not limited by any implicit deny
			grants["role"] && limits ||
			identity && limits
	}
	if allowed {
		return iam.Allowed
	}
	return iam.ImplicitlyDenied
}

func (m *model) anyDeny(names map[string]string) bool {
	denied := false
	look := func(where string, p iam.Policy, principals bool) {
		for i, st := range p.Document.Statements {
			if st.Effect != iam.Deny || principals && !m.denyAddresses(names, st) {
				continue
			}
			if m.applies(st, p.Document.Version) {
				m.say("%s statement %d denies", where, i)
				denied = true
			}
		}
	}
	for where, list := range map[string][]iam.Policy{"identity": m.set.Identity, "boundary": m.set.Boundary, "session": m.set.Session} {
		for _, p := range list {
			look(where, p, false)
		}
	}
	if m.set.Resource != nil {
		look("resource", *m.set.Resource, true)
	}
	if m.set.Endpoint != nil {
		look("endpoint", *m.set.Endpoint, true)
	}
	return denied
}

func (m *model) anyAllow(list []iam.Policy) bool {
	for _, p := range list {
		for _, st := range p.Document.Statements {
			if st.Effect == iam.Allow && m.applies(st, p.Document.Version) {
				return true
			}
		}
	}
	return false
}

// addressed is the set of ways in which the Allow statements of p that apply address
// the caller.
func (m *model) addressed(names map[string]string, p iam.Policy) map[string]bool {
	as := map[string]bool{}
	for _, st := range p.Document.Statements {
		if st.Effect != iam.Allow || !m.applies(st, p.Document.Version) {
			continue
		}
		for _, entry := range entries(st.Principals) {
			// AWS says of {"AWS":"*"} whom it reaches for all but identity providers, so it
			// grants them nothing.
			if entry == "AWS *" && m.provider() {
				continue
			}
			if how, ok := names[entry]; ok {
				as[how] = true
			}
		}
	}
	return as
}

// denyAddresses is about Principal and NotPrincipal of a Deny. For NotPrincipal AWS
// validates the account, then the role, then the session, and denies at the first
// that is not listed; and it denies whoever has a permissions boundary.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
func (m *model) denyAddresses(names map[string]string, st iam.Statement) bool {
	if st.NotPrincipals == nil {
		return slices.ContainsFunc(entries(st.Principals), func(entry string) bool { return names[entry] != "" })
	}
	listed := map[string]bool{}
	for _, entry := range entries(st.NotPrincipals) {
		listed[names[entry]] = true
	}
	_, account := m.who()
	all := slices.Contains(entries(st.NotPrincipals), "Any")
	if slices.Contains(entries(st.NotPrincipals), "AWS *") {
		all = all || !m.provider()
	}
	switch {
	case all:
		return false
	case account == "":
		return !listed["service"]
	case len(m.set.Boundary) > 0 || !listed["account"]:
		return true
	}
	for _, level := range names {
		if (level == "role" || level == "session") && !listed[level] {
			return true
		}
	}
	return false
}

// provider reports whether the caller is an identity provider: an entry of IAM, or one
// of the hosts that IAM knows without.
func (m *model) provider() bool {
	p := m.req.Principal
	host := p != iam.Anonymous && !strings.HasPrefix(p, "arn:")
	return strings.Contains(p, ":oidc-provider/") || host && (!strings.HasSuffix(p, ".amazonaws.com") || strings.HasPrefix(p, "cognito-identity."))
}

func entries(p *iam.Principals) []string {
	var all []string
	if p == nil {
		return nil
	}
	if p.Any {
		all = append(all, "Any")
	}
	for kind, list := range map[string][]string{"AWS": p.AWS, "Service": p.Service, "Federated": p.Federated} {
		for _, entry := range list {
			all = append(all, kind+" "+entry)
		}
	}
	return all
}
