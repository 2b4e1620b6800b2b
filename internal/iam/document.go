// Package iam is the policy language of AWS: a strict parser, a canonical form,
// and an evaluator that says not only whether a request is allowed but which
// statement decided.
//
// It is pure: no I/O, no clock, no state. The embedded AWS enforces with it, the
// isolation proofs reason with it, and `managedcasd policy evaluate` exposes it,
// so that there is one opinion in this project about what a policy means. When
// AWS documents no answer, this package denies.
package iam

// Effect is what a statement does when it applies.
type Effect string

// The two effects.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// The two versions of the language. Policy variables exist only in Version2012.
const (
	Version2008 = "2008-10-17"
	Version2012 = "2012-10-17"
)

// Kind says where a document stands, which decides what it may contain.
type Kind string

// The kinds of documents.
const (
	KindIdentity Kind = "identity"     // attached to a user or role; also a permissions boundary
	KindSession  Kind = "session"      // passed to sts:AssumeRole; same grammar as an identity policy
	KindTrust    Kind = "trust"        // a role's trust policy: Principal required, Resource forbidden
	KindBucket   Kind = "bucket"       // S3 bucket policy
	KindAP       Kind = "access-point" // S3 access point policy
	KindKey      Kind = "key"          // KMS key policy
	KindEndpoint Kind = "vpc-endpoint" // VPC endpoint policy
	KindResource Kind = "resource"     // any resource policy, when the service is not known
)

// Document is one policy.
type Document struct {
	Version    string // Version2008 when the text has none, as AWS reads it
	ID         string
	Statements []Statement
}

// Statement is one rule. Exactly one of Actions/NotActions is set; Resources and
// NotResources, Principals and NotPrincipals likewise, where the kind has them.
type Statement struct {
	Sid           string
	Effect        Effect
	Principals    *Principals
	NotPrincipals *Principals
	Actions       []string
	NotActions    []string
	Resources     []string
	NotResources  []string
	Conditions    []Condition
}

// Principals is the value of a Principal element. Any means "*"; {"AWS":"*"} is
// the entry "*" in AWS, which means the same except that an Allow with it is not for
// identity providers.
type Principals struct {
	Any           bool
	AWS           []string
	Service       []string
	Federated     []string
	CanonicalUser []string
}

// Condition is one operator applied to one key: all conditions of a statement
// must hold, any of the values is enough (or none, for a negated operator).
type Condition struct {
	Operator string // as written: "StringEquals", "ForAllValues:StringLikeIfExists"
	Key      string // as written; compared without regard to case
	Values   []string
}
