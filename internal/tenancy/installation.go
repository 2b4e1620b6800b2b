// Package tenancy is the scheme: every name, ARN and policy document of an
// installation and of its tenants, as pure functions of (Installation, org.ID).
//
// Invariants:
//   - No name of one organization is, or contains by a wildcard, a name of another.
//   - Every object permission is scoped to the organization's key prefix. An access
//     point alone fronts the whole bucket (facts AWS §12.2).
//   - Documents are typed values. No text is ever pasted into JSON.
package tenancy

import "github.com/managedcas/managedcas/internal/org"

// Installation is one deployment: one account, Region, bucket, key, base role and
// pair of prefixes. Make one with New; the zero value is not usable.
type Installation struct {
	Partition           string // "aws", "aws-us-gov", "aws-cn"; New derives it from Region
	AccountID           string // 12 digits
	Region              string
	BucketName          string
	KMSKeyARN           string // full key ARN, never an alias (facts AWS §6.3)
	APPrefix            string // 1–18 characters
	BaseRoleName        string
	SessionPolicyPrefix string
	SessionPolicyMode   SessionPolicyMode // empty: Managed, as in the guide
	// Workload role names. CASRoleName equal to ControlplaneRoleName, or empty:
	// shared, as in the guide.
	BackendRoleName      string
	ControlplaneRoleName string
	CASRoleName          string
	// PurgeRoleName is the role that deletes the objects of deleted organizations; empty:
	// the installation has none, and no document mentions it.
	PurgeRoleName string
	// OperatorARNs may list the bucket (not read objects), for the guide's Verify.
	// The root user is arn:aws:iam::ACCOUNT:root.
	OperatorARNs []string
	// OwnBucketRoles are patterns of the roles that organizations may bring with a bucket of
	// their own; none: they may not, and no document mentions them.
	OwnBucketRoles []string
	// Secrets says how coordinates are kept in AWS Secrets Manager, if they are.
	Secrets SecretsManager
	// Loopback is for the embedded AWS, which serves plain HTTP on 127.0.0.1: the
	// bucket policy then accepts plain HTTP from loopback addresses, and from nowhere
	// else. AWS itself never sees such an address, so the field cannot weaken a real
	// installation.
	Loopback bool
}

// Tenant is one organization as AWS sees it. All its names are derived.
type Tenant struct {
	in Installation
	id org.ID
}

// Tenant returns the tenant of id. It panics on the zero ID: nobody has no names,
// and a name made from nothing would be shared by every caller with that bug.
func (in Installation) Tenant(id org.ID) Tenant {
	if id.IsZero() {
		panic("tenancy: the zero organization id has no tenant")
	}
	return Tenant{in, id}
}
