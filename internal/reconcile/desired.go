package reconcile

import (
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Desired is what an organization should have. It is a pure function of its inputs.
type Desired struct {
	Tenant tenancy.Tenant
	// Gone: the organization is being deleted and should have nothing.
	Gone   bool
	Bucket string
	// SessionPolicy is the organization's own, SharedPolicy that of all organizations; the
	// mode of session policies has one of them, or none.
	SessionPolicy     *iam.Document
	SharedPolicy      *iam.Document
	AccessPointPolicy *iam.Document
	ClosedPolicy      *iam.Document // of the access point, while it is being taken away
	Coordinates       tenancy.Coordinates
}

// Desire computes it. baseRoleID is the unique id ("AROA…") that the base role has
// now: access point policies name it, and die with it (facts AWS §12.16).
func Desire(in tenancy.Installation, o org.Organization, baseRoleID string) Desired {
	tenant := in.Tenant(o.ID)
	desired := Desired{
		Tenant:            tenant,
		Gone:              gone(o),
		Bucket:            in.BucketName,
		AccessPointPolicy: tenant.APPolicy(baseRoleID),
		ClosedPolicy:      tenant.ClosedAPPolicy(),
		Coordinates:       tenant.Coordinates(),
	}
	switch in.SessionPolicyMode {
	case tenancy.Inline: // is sent with every AssumeRole, and kept nowhere
	case tenancy.ABAC:
		desired.SharedPolicy = in.SharedPolicy()
	default:
		desired.SessionPolicy = tenant.SessionPolicy()
	}
	return desired
}

// gone reports whether the organization should have nothing in AWS.
func gone(o org.Organization) bool { return o.State == org.Deleting || o.State == org.Deleted }
