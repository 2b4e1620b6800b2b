// Package gate decides, for every emulated service, whether a caller may do what
// it asks: it gathers the policies that bear on the caller (live, at every
// request), fills in the condition keys that every request has, evaluates each
// context with package iam, and writes the verdict to the request in flight.
package gate

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/iam"
)

// Check is one context of a request. A request through an access point has two:
// the access point's and the bucket's (facts AWS §2.3); a PUT with SSE-KMS a third.
type Check struct {
	Action   string // "s3:GetObject"
	Resource string // ARN as the policies of this context see it
	Account  string // that owns Resource
	// Policy is the resource's own policy in bound form (see Principals), nil when it
	// has none. For KMS keys and role trust policies set RequireResource.
	Policy          *iam.Policy
	RequireResource bool
	// Context holds the keys of this context alone ("s3:prefix", "kms:ViaService", …).
	// The gate adds the keys that every request has (aws:PrincipalArn, aws:userid, …);
	// a key that is set here wins.
	Context iam.Context
}

// Authorizer authorizes requests. It is safe for concurrent use.
type Authorizer interface {
	// Authorize evaluates all checks; every one must allow, and a Deny in any denies.
	// On denial the error is an *api.Error with AWS's code AccessDenied (403) and
	// AWS's message, which names the caller, action, resource and the kind of policy.
	// The decision is appended to the request in ctx either way, for a denial after those
	// of the contexts that allowed. The account's root user is allowed what no policy
	// denies.
	Authorize(ctx context.Context, caller *api.Caller, checks ...Check) error
}

// Principals converts the principals of resource policies. AWS stores roles and
// users by their unique ids, so that a recreated role of the same name does not
// inherit what its predecessor was granted (facts AWS §3.2).
type Principals interface {
	// Bind returns doc with role and user ARNs replaced by unique ids. It fails with
	// code MalformedPolicy and AWS's "Invalid principal in policy" when one does not
	// exist; the caller may change the code to its service's.
	Bind(doc *iam.Document) (*iam.Document, error)
	// Unbind returns doc with ids replaced by the ARNs that they belong to now. An id
	// whose owner is gone stays, and matches nobody.
	Unbind(doc *iam.Document) *iam.Document
}
