package iam

import (
	"slices"
	"strings"
)

// caller is the Principal of a request, taken apart.
type caller struct {
	kind    callerKind
	name    string // as in Request.Principal
	account string // 12 digits; empty for callers that belong to no account
	role    string // IAM ARN of the role behind a session
}

type callerKind uint8

const (
	callerUnknown       callerKind = iota
	callerAnonymous                // nobody signed
	callerService                  // an AWS service, by its principal name
	callerProvider                 // an identity provider, in AssumeRoleWithWebIdentity or -SAML
	callerRoot                     // the account's root user
	callerUser                     // an IAM user
	callerRole                     // a role, when the session is not known
	callerSession                  // a session of a role
	callerFederatedUser            // of GetFederationToken
)

func callerOf(req *Request) caller {
	c := caller{name: req.Principal}
	if req.Principal == Anonymous {
		c.kind = callerAnonymous
		return c
	}
	a, ok := splitARN(req.Principal)
	if !ok {
		if isHostName(req.Principal) {
			c.kind = callerService
		}
		return c
	}
	if a.region != "" || !isAccountID(a.account) {
		return c
	}
	c.account = a.account
	resourceType, rest, _ := strings.Cut(a.resource, "/")
	switch {
	case a.service == "iam" && a.resource == "root":
		c.kind = callerRoot
	case rest == "":
	case a.service == "iam" && resourceType == "user":
		c.kind = callerUser
	case a.service == "iam" && resourceType == "role":
		c.kind, c.role = callerRole, req.Principal
	case a.service == "iam" && (resourceType == "oidc-provider" || resourceType == "saml-provider"):
		c.kind = callerProvider
	case a.service == "sts" && resourceType == "federated-user":
		c.kind = callerFederatedUser
	case a.service == "sts" && resourceType == "assumed-role":
		role, session, _ := strings.Cut(rest, "/")
		if role == "" || session == "" {
			return c
		}
		c.kind, c.role = callerSession, req.PrincipalRole
		if c.role == "" {
			c.role = "arn:" + a.partition + ":iam::" + a.account + ":role/" + role
		}
	}
	return c
}

// inAccount reports whether the caller is an identity of an account, to which
// identity policies can be attached.
func (c *caller) inAccount() bool { return c.kind >= callerRoot }

// underAWS reports whether an entry "*" of "AWS" is certain to stand for the caller.
// AWS documents it as "*" for anonymous callers, files accounts and their identities
// under "AWS", and writes {"AWS":"*"} itself where a service is to be let in: its SDK
// subscribes a queue to a topic with such a policy, and it is SNS that then calls. Of
// identity providers it says nothing, and some of those have the names of hosts. So it grants them nothing and excepts none of them, while
// a Deny reaches them.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous
// https://docs.aws.amazon.com/AWSJavaSDK/latest/javadoc/com/amazonaws/services/sns/util/Topics.html
func (c *caller) underAWS() bool {
	if c.kind == callerService {
		return strings.HasSuffix(c.name, ".amazonaws.com") && c.name != cognitoIdentity
	}
	return c.inAccount() || c.kind == callerAnonymous
}

// cognitoIdentity is a provider of web identities in spite of its name.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
const cognitoIdentity = "cognito-identity.amazonaws.com"

// grant says how a resource policy names a caller, from the weakest to the
// strongest. It decides which other policies still have a say (facts AWS §3.2).
type grant uint8

const (
	notNamed     grant = iota
	namedAccount       // through its account: delegates, identity policies must allow too
	namedRole          // by its role: stands in for the identity policies
	namedDirect        // itself, or as one of all: nothing else needs to allow
)

// named returns the strongest way in which p names the caller.
func (c *caller) named(p *Principals) grant {
	if p == nil {
		return notNamed
	}
	if p.Any {
		return namedDirect
	}
	best := notNamed
	for _, entry := range p.AWS {
		best = max(best, c.namedBy(entry))
	}
	if c.kind == callerService && slices.Contains(p.Service, c.name) {
		return namedDirect
	}
	// Some providers have a host name, which looks like a service: accounts.google.com.
	if (c.kind == callerProvider || c.kind == callerService) && slices.Contains(p.Federated, c.name) {
		return namedDirect
	}
	return best
}

// namedBy returns how one entry of "AWS" names the caller. Unique ids ("AROA…") name
// nobody here: they stand for principals that no longer exist.
func (c *caller) namedBy(entry string) grant {
	switch {
	case entry == "*" && c.underAWS():
		return namedDirect
	case !c.inAccount():
		return notNamed
	case entry == c.name && c.kind != callerRole && c.kind != callerRoot:
		return namedDirect // the ARN of the root stands for the account, and for a role its own limits hold
	case entry == c.role && c.role != "":
		return namedRole
	case accountOf(entry) == c.account:
		return namedAccount
	}
	return notNamed
}

// exempt reports whether a NotPrincipal element spares the caller. AWS checks the
// account, then the role, then the session, and denies at the first that is not
// listed; and it denies whoever has a permissions boundary, listed or not.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
func (c *caller) exempt(p *Principals, bounded bool) bool {
	if p.Any || c.underAWS() && slices.Contains(p.AWS, "*") {
		return true
	}
	if !c.inAccount() {
		return c.named(p) != notNamed
	}
	if bounded || !slices.ContainsFunc(p.AWS, func(entry string) bool { return accountOf(entry) == c.account }) {
		return false
	}
	switch c.kind {
	case callerRoot:
		return true
	case callerSession:
		return slices.Contains(p.AWS, c.role) && slices.Contains(p.AWS, c.name)
	}
	return slices.Contains(p.AWS, c.name)
}

// accountOf returns the account that an entry of "AWS" stands for as a whole: its id
// or the ARN of its root. It is empty for all other entries.
func accountOf(entry string) string {
	if isAccountID(entry) {
		return entry
	}
	if a, ok := splitARN(entry); ok && a.service == "iam" && a.resource == "root" && isAccountID(a.account) {
		return a.account
	}
	return ""
}

// isHostName reports whether s has the form of a service or provider name:
// "pods.eks.amazonaws.com".
func isHostName(s string) bool {
	dots := 0
	for i := range len(s) {
		switch c := lower(s[i]); {
		case c == '.':
			dots++
		case c != '-' && c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9'):
			return false
		}
	}
	return dots > 0 && s[0] != '.' && s[len(s)-1] != '.'
}
