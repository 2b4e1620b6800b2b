package tenancy

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
)

// NamedDocument is a policy document with what is needed to file and explain it.
type NamedDocument struct {
	Name     string // file name without its extension: "bucket-policy"
	Kind     iam.Kind
	Purpose  string // where the document goes, one line for a person
	Document *iam.Document
}

// JSON returns the document as people read it: two spaces, a final newline.
func (d NamedDocument) JSON() ([]byte, error) {
	text, err := json.Marshal(d.Document)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", d.Name, err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "  "); err != nil {
		return nil, fmt.Errorf("indenting %s: %w", d.Name, err)
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

// Documents returns the documents that an operator puts in place once, in the order
// of the operator's guide. The trust of workload roles is the one for Pod Identity;
// see WorkloadTrustIRSA for the other.
func (in Installation) Documents() []NamedDocument {
	documents := []NamedDocument{
		{"bucket-policy", iam.KindBucket, "policy of bucket " + in.BucketName, in.BucketPolicy()},
		{"key-policy", iam.KindKey, "policy of the KMS key", in.KeyPolicy()},
		{"base-role-trust", iam.KindTrust, "trust policy of role " + in.BaseRoleName, in.BaseRoleTrust()},
		{"base-role-permissions", iam.KindIdentity, "permissions of role " + in.BaseRoleName, in.BaseRolePermissions()},
		{"workload-trust-pod-identity", iam.KindTrust, "trust policy of the workload roles, for EKS Pod Identity", in.WorkloadTrustPodIdentity()},
		{"backend-permissions", iam.KindIdentity, "permissions of role " + in.BackendRoleName, in.BackendPermissions()},
		{"controlplane-permissions", iam.KindIdentity, "permissions of role " + in.ControlplaneRoleName, in.ControlplanePermissions()},
	}
	if in.CASRoleName != in.ControlplaneRoleName {
		documents = append(documents, NamedDocument{"cas-permissions", iam.KindIdentity, "permissions of role " + in.CASRoleName, in.CASPermissions()})
	}
	documents = append(documents, in.purgeDocuments()...)
	return append(documents, NamedDocument{"vpc-endpoint-policy", iam.KindEndpoint, "policy of an S3 VPC endpoint (optional)", in.EndpointPolicy()})
}

// TenantDocuments returns the documents of one organization, which the backend puts
// in place. baseRoleID is the unique id of the base role.
func (in Installation) TenantDocuments(id org.ID, baseRoleID string) []NamedDocument {
	t := in.Tenant(id)
	purpose := "managed policy " + t.SessionPolicyName()
	switch in.SessionPolicyMode {
	case Inline:
		purpose = "sent with every AssumeRole, stored nowhere"
	case ABAC:
		purpose = "managed policy " + in.SharedPolicyName() + ", of all organizations"
	}
	return []NamedDocument{
		{"session-policy", iam.KindSession, purpose, t.SessionPolicy()},
		{"access-point-policy", iam.KindAP, "policy of access point " + t.APName(), t.APPolicy(baseRoleID)},
	}
}
