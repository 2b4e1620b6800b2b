//go:build !long

package trespass

import "github.com/managedcas/managedcas/internal/tenancy"

// modes leaves out Inline, which passes the same document as Managed.
func modes() []tenancy.SessionPolicyMode {
	return []tenancy.SessionPolicyMode{tenancy.Managed, tenancy.ABAC}
}
