//go:build long

package trespass

import "github.com/managedcas/managedcas/internal/tenancy"

// modes is every mode of session policies.
func modes() []tenancy.SessionPolicyMode {
	return []tenancy.SessionPolicyMode{tenancy.Managed, tenancy.Inline, tenancy.ABAC}
}
