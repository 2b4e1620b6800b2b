package tenancy_test

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// A listing shows names of other installations and other people: only what is exactly a
// name that this installation gives is one of its tenants'.
func TestNamesAreReadAsAWhole(t *testing.T) {
	t.Parallel()
	id := org.NewID()
	for _, prefix := range []string{"cas-", "cas-of-a-long-name"} { // with dashes, and without
		in := tenancy.Installation{Partition: "aws", AccountID: "123456789012", Region: "us-east-1", APPrefix: prefix, SessionPolicyPrefix: "p-"}
		ap, policy := in.Tenant(id).APName(), in.Tenant(id).SessionPolicyName()
		if got, ok := in.TenantOfAP(ap); !ok || got.ID() != id {
			t.Errorf("%s: %v, %t", ap, got.ID(), ok)
		}
		if got, ok := in.TenantOfSessionPolicy(policy); !ok || got.ID() != id {
			t.Errorf("%s: %v, %t", policy, got.ID(), ok)
		}
		other := id.Compact()
		if strings.HasSuffix(ap, other) {
			other = id.String()
		}
		for _, name := range []string{
			"", prefix, id.String(), prefix + "eu-" + id.String(), ap + "x", "x" + ap, strings.ToUpper(ap), prefix + other,
			prefix + "00000000-0000-0000-0000-000000000000", prefix + strings.Repeat("0", 32), prefix + strings.Repeat("é", 16),
		} {
			if _, ok := in.TenantOfAP(name); ok {
				t.Errorf("access point %q is a tenant's", name)
			}
		}
		for _, name := range []string{"", "p-", "p-eu-" + id.String(), policy + "x", "x" + policy, "P-" + id.String(), "p-" + id.Compact()} {
			if _, ok := in.TenantOfSessionPolicy(name); ok {
				t.Errorf("policy %q is a tenant's", name)
			}
		}
	}
}
