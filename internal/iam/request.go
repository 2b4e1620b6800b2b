package iam

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Context holds the condition keys of a request: for each key its values. Keys are
// compared without regard to case; use Set and Get. A key that is absent and a key
// with no values are the same.
type Context map[string][]string

// Set replaces the values of key. Without values the key becomes absent.
func (c Context) Set(key string, values ...string) {
	k := strings.ToLower(key)
	if len(values) == 0 {
		delete(c, k)
		return
	}
	c[k] = values
}

// Add adds a value to those that key has. It is for keys that end in the key of a tag:
// tags of many resources may differ in case alone, and are one condition key then. With
// both values it neither allows what only one of them would, nor resolves a variable.
func (c Context) Add(key, value string) {
	k := strings.ToLower(key)
	c[k] = append(slices.Clip(c[k]), value) // a clone of the context may share the values
}

// Get returns the values of key and whether it is present.
func (c Context) Get(key string) ([]string, bool) {
	// Looked up through a buffer on the stack: this runs for every condition and
	// variable, and a lower-case copy would be most of what an evaluation allocates.
	var buffer [64]byte
	folded := buffer[:0]
	for i := range len(key) {
		if key[i] >= utf8.RuneSelf {
			v := c[strings.ToLower(key)]
			return v, len(v) > 0
		}
		folded = append(folded, lower(key[i]))
	}
	v := c[string(folded)]
	return v, len(v) > 0
}

// Request is one question: may principal do action on resource?
type Request struct {
	// Principal is an assumed-role session ARN, role ARN, user ARN, root ARN
	// ("arn:aws:iam::A:root"), federated-user ARN, service principal
	// ("pods.eks.amazonaws.com"), or Anonymous.
	Principal string
	// PrincipalRole is the IAM ARN, with path, of the role behind a session: a session
	// ARN has lost the path. Empty: derived from Principal, without a path.
	PrincipalRole string
	Action        string // "s3:GetObject"
	Resource      string // ARN
	Account       string // that owns Resource, 12 digits
	Context       Context
}

// Anonymous is the Principal of a request that nobody signed.
const Anonymous = "anonymous"

// Policy is a document with the name by which a decision refers to it.
type Policy struct {
	Name     string // e.g. an ARN, "inline:NAME", "bucket policy of B"
	Document *Document
}

// PolicySet is everything that bears on a request.
type PolicySet struct {
	Identity []Policy
	// Boundary is the permissions boundary; empty means there is none.
	Boundary []Policy
	// Session holds the session policies. Absent and empty differ: SessionPassed with
	// no documents (or none that allows) denies; not passed restricts nothing.
	Session       []Policy
	SessionPassed bool
	Resource      *Policy // nil: the resource has no policy
	Endpoint      *Policy // VPC endpoint policy; nil: none in the way
	// RequireResource: the resource policy itself must allow (role trust policies and
	// KMS key policies; facts AWS §3.1). Allowing the account root there delegates to
	// identity policies, as everywhere.
	RequireResource bool
}

// Result is the outcome of an evaluation.
type Result string

// The results, in the words of the IAM policy simulator where it has one.
const (
	Allowed          Result = "Allowed"
	ImplicitlyDenied Result = "ImplicitlyDenied"
	ExplicitlyDenied Result = "ExplicitlyDenied"
)

// Layer names the kind of policy that a Reason comes from.
type Layer string

// The layers, in the words that AWS uses in its denial messages.
const (
	LayerIdentity Layer = "identity-based policy"
	LayerSession  Layer = "session policy"
	LayerBoundary Layer = "permissions boundary"
	LayerResource Layer = "resource-based policy"
	LayerEndpoint Layer = "VPC endpoint policy"
)

// Reason is one statement, or the absence of one, that decided.
type Reason struct {
	Layer     Layer  `json:"layer"`
	Policy    string `json:"policy,omitempty"` // Policy.Name; empty when no policy allows
	Statement int    `json:"statement"`        // index from 0; -1 when no statement allows
	Sid       string `json:"sid,omitempty"`    // of that statement
	Effect    Effect `json:"effect,omitempty"` // of that statement; empty when none allows
	Action    string `json:"action"`           // the action of this context
	Resource  string `json:"resource"`         // the resource as this context saw it
	Text      string `json:"text"`             // one sentence for a person
}

// Decision is the answer to a Request.
type Decision struct {
	Result  Result   `json:"result"`
	Because []Reason `json:"because"` // never empty; for a denial the first is the cause
}

// Allowed reports whether the request may go on.
func (d Decision) Allowed() bool { return d.Result == Allowed }
