package tenancy

import (
	"slices"
	"strings"
)

// Names that clients of such a system know (the operator's guide; facts WIRE §9).
const (
	// StorageBackendName is the name of an organization's managed storage backend.
	StorageBackendName = "chainloop-cloud-storage"
	// StorageBackendLabel is shown where other backends show their location.
	StorageBackendLabel = "managed by Chainloop"
	// ProviderDisplay is shown where other backends show their provider.
	ProviderDisplay = "Chainloop"
	// SessionTag is the key of the session tag that carries the organization's UUID.
	SessionTag = "org"
)

// sessionNamePrefix comes before the organization's UUID in every session name.
const sessionNamePrefix = "cas-"

// tagged is the policy variable that stands for the organization of a session. It
// resolves to nothing, and so matches nothing, for principals without the tag.
const tagged = "${aws:PrincipalTag/" + SessionTag + "}"

// arn joins the parts of an ARN. S3 buckets have neither Region nor account.
func (in Installation) arn(service, region, account, resource string) string {
	return strings.Join([]string{"arn", in.Partition, service, region, account, resource}, ":")
}

func (in Installation) iamARN(resource string) string {
	return in.arn("iam", "", in.AccountID, resource)
}

func (in Installation) roleARN(name string) string { return in.iamARN("role/" + name) }

// RootARN returns the ARN that stands for the account itself.
func (in Installation) RootARN() string { return in.iamARN("root") }

// BucketARN returns the ARN of the installation's bucket.
func (in Installation) BucketARN() string { return in.arn("s3", "", "", in.BucketName) }

// ObjectsARN returns the pattern of every object of the bucket.
func (in Installation) ObjectsARN() string { return in.BucketARN() + "/*" }

// BaseRoleARN returns the ARN of the role that workloads assume per organization.
func (in Installation) BaseRoleARN() string { return in.roleARN(in.BaseRoleName) }

// BackendRoleARN returns the ARN of the backend's workload identity.
func (in Installation) BackendRoleARN() string { return in.roleARN(in.BackendRoleName) }

// ControlplaneRoleARN returns the ARN of the controlplane's workload identity.
func (in Installation) ControlplaneRoleARN() string { return in.roleARN(in.ControlplaneRoleName) }

// CASRoleARN returns the ARN of the cas workload identity, which may be the
// controlplane's.
func (in Installation) CASRoleARN() string { return in.roleARN(in.CASRoleName) }

// WorkloadRoleARNs returns the distinct workload identities: those that may assume
// the base role.
func (in Installation) WorkloadRoleARNs() []string {
	arns := []string{in.BackendRoleARN(), in.ControlplaneRoleARN(), in.CASRoleARN()}
	slices.Sort(arns)
	return slices.Compact(arns)
}

// APARNPattern matches the access points of the installation, and of every
// installation whose prefix begins with this one's: see Overlaps.
func (in Installation) APARNPattern() string { return in.apARN(in.APPrefix + "*") }

// SessionPolicyARNPattern matches the session policies of the installation.
func (in Installation) SessionPolicyARNPattern() string {
	return in.iamARN("policy/" + in.SessionPolicyPrefix + "*")
}

func (in Installation) apARN(name string) string {
	return in.arn("s3", in.Region, in.AccountID, "accesspoint/"+name)
}

// dashedNames reports whether access point names carry the UUID with its dashes.
func (in Installation) dashedNames() bool { return len(in.APPrefix)+dashedLength <= maxAPName }

// viaS3 returns the values of kms:ViaService for calls that S3 makes.
func (in Installation) viaS3() []string { return in.via("s3") }

// Overlaps reports whether two installations would reach into each other, and why:
// a wildcard on one prefix also matches every prefix that begins with it.
func Overlaps(a, b Installation) (reason string, overlap bool) {
	switch {
	case a.Partition != b.Partition:
		return "", false
	case a.BucketName == b.BucketName: // unique in a partition, whoever owns it
		return "they share the bucket " + a.BucketName, true
	case a.AccountID != b.AccountID:
		return "", false
	case strings.EqualFold(a.BaseRoleName, b.BaseRoleName):
		return "they share the base role " + a.BaseRoleName, true
	case a.Region == b.Region && nested(a.APPrefix, b.APPrefix):
		return "one access point prefix begins with the other: " + a.APPrefix + ", " + b.APPrefix, true
	case a.Purges() && strings.EqualFold(a.PurgeRoleName, b.PurgeRoleName):
		return "they share the purge role " + a.PurgeRoleName, true
	case nested(strings.ToLower(a.SessionPolicyPrefix), strings.ToLower(b.SessionPolicyPrefix)):
		// IAM policy names are unique without regard to case (facts AWS §5).
		return "one session policy prefix begins with the other: " + a.SessionPolicyPrefix + ", " + b.SessionPolicyPrefix, true
	case overlappingSecrets(a, b):
		return "one prefix of secret names begins with the other: " + a.Secrets.Prefix + ", " + b.Secrets.Prefix, true
	}
	return "", false
}

func nested(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
