// Package tenancy is the scheme: every name, ARN and policy document of an
// installation and of its tenants, as pure functions of (Installation, org.ID).
package tenancy

import "github.com/managedcas/managedcas/internal/org"

// Installation is one deployment: one account, Region, bucket, key, base role and
// pair of prefixes. Make one with New; the zero value is not usable.
type Installation struct {
	Partition           string // "aws", "aws-us-gov", "aws-cn"
	AccountID           string // 12 digits
	Region              string
	BucketName          string
	KMSKeyARN           string // full key ARN, never an alias (facts AWS §6.3)
	APPrefix            string // 1–18 characters
	BaseRoleName        string
	SessionPolicyPrefix string
	// Workload role names. CASRoleName equal to ControlplaneRoleName: shared, as in
	// the guide.
	BackendRoleName      string
	ControlplaneRoleName string
	CASRoleName          string
	// OperatorARNs may list the bucket (not read objects), for the guide's Verify.
	OperatorARNs []string
}

// Tenant is one organization as AWS sees it. All its names are derived.
type Tenant struct {
	in Installation
	id org.ID
}

// Tenant returns the tenant of id. It panics on the zero ID: nobody has no names.
func (in Installation) Tenant(id org.ID) Tenant { return Tenant{in, id} }
