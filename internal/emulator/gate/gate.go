// Package gate decides, for every emulated service, whether a caller may do what
// it asks: it gathers the policies that bear on the caller (live, at every
// request), fills in the condition keys that every request has, evaluates each
// context with package iam, and writes the verdict to the request's journal entry.
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
	// Policy is the resource's own policy, nil when it has none. For KMS keys and role
	// trust set RequireResource.
	Policy          *iam.Policy
	RequireResource bool
	// Context holds the keys of this context alone ("s3:prefix", "kms:ViaService", …).
	// The gate adds the keys that every request has (aws:PrincipalArn, aws:userid, …);
	// a key that is set here wins.
	Context iam.Context
}

// Gate authorizes. It is safe for concurrent use.
type Gate interface {
	// Authorize evaluates all checks; every one must allow, and a Deny in any denies.
	// On denial the error is an *api.Error with AWS's code AccessDenied (403) and
	// AWS's message, which names the caller, action, resource and the kind of policy.
	// The decision is journalled either way. Root is allowed what no policy denies.
	Authorize(ctx context.Context, caller *api.Caller, checks ...Check) error
}
