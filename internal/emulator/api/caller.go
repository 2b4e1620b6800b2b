// Package api is what the emulated services share: who calls, what an AWS error
// is, and the request in flight.
package api

import (
	"time"
)

// CallerKind is the kind of credentials behind a request.
type CallerKind string

// The kinds of callers.
const (
	Root      CallerKind = "Account"     // the account's root user
	User      CallerKind = "User"        // an IAM user
	Role      CallerKind = "AssumedRole" // a role session
	Service   CallerKind = "Service"     // an AWS service principal
	Provider  CallerKind = "Provider"    // an identity provider, for the bearer of its token
	Anonymous CallerKind = "Anonymous"   // nobody signed
)

// Caller is the authenticated principal of one request. It is resolved anew for
// every request, so that a deleted role or an expired session is seen at once.
type Caller struct {
	Kind        CallerKind
	AccountID   string
	ARN         string // what GetCallerIdentity reports; the session ARN for a role
	UserID      string // aws:userid: account id, AIDA…, or ROLEID:session-name
	UserName    string // aws:username; users only
	AccessKeyID string

	// Role sessions only.
	RoleARN        string // IAM ARN with path: aws:PrincipalArn
	RoleName       string
	RoleID         string
	SessionName    string
	SourceIdentity string
	IssuedAt       time.Time
	ExpiresAt      time.Time
	SessionToken   string

	// WebIdentity is who asked for the session with a token of an identity provider, and
	// of a Provider itself; nil for all others.
	WebIdentity *WebIdentity

	// Tags are the role's or user's tags overridden by session tags:
	// aws:PrincipalTag/*. SessionTags and TransitiveKeys are the session's own, for
	// role chaining (facts AWS §4.3).
	Tags           map[string]string
	SessionTags    map[string]string
	TransitiveKeys []string

	// Session policies as passed to AssumeRole. PolicyARNs are read live at every
	// evaluation, the inline text is fixed (facts AWS §3.3).
	SessionPolicyPassed bool
	InlineSessionPolicy string
	SessionPolicyARNs   []string
}

// WebIdentity is an identity that an OpenID Connect provider vouched for.
type WebIdentity struct {
	ProviderARN string
	Name        string // the issuer as condition keys begin with it, without scheme
	Subject     string
	Audience    string
	Methods     []string // how the bearer authenticated
}

// Chained reports whether assuming a role from here is role chaining (max 1 h).
func (c *Caller) Chained() bool { return c.Kind == Role }
