package tenancy

import (
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

// podIdentityTags are the session tags of EKS Pod Identity. They are transitive: a
// workload hands them on to the base role's sessions whether it wants to or not, and
// AssumeRole fails where they are not accepted (facts AWS §4.3, §8).
func podIdentityTags() []string {
	return []string{
		"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace",
		"kubernetes-service-account", "kubernetes-pod-name", "kubernetes-pod-uid",
	}
}

// uuidShape matches any 36 characters with a UUID's dashes: IAM patterns have no
// character classes. Whether they are hexadecimal is for org.ParseID to say.
const uuidShape = "????????-????-????-????-????????????"

// BaseRoleTrust returns the trust policy of the base role. Only the workloads may
// assume it, and only as one organization: session name and tag must agree, so that
// the access point policies (which compare the name) and the role's permissions
// (which use the tag) mean the same tenant.
//
// STS cannot demand a session policy: that is for package session (DESIGN I2).
func (in Installation) BaseRoleTrust() *iam.Document {
	workloads := principals(in.WorkloadRoleARNs()...)
	return document(
		iam.Statement{
			Sid:        "AssumeAsOneOrganization",
			Effect:     iam.Allow,
			Principals: workloads,
			Actions:    []string{"sts:AssumeRole"},
			Conditions: []iam.Condition{
				when("StringEquals", "sts:RoleSessionName", sessionNamePrefix+"${aws:RequestTag/"+SessionTag+"}"),
				when("StringLike", "sts:RoleSessionName", sessionNamePrefix+uuidShape),
			},
		},
		// A statement of its own: AWS does not document the session name as a condition key
		// of sts:TagSession.
		iam.Statement{
			Sid:        "TagWithOrganization",
			Effect:     iam.Allow,
			Principals: workloads,
			Actions:    []string{"sts:TagSession"},
			Conditions: []iam.Condition{
				when("StringLike", "aws:RequestTag/"+SessionTag, uuidShape),
				when("ForAllValues:StringEquals", "aws:TagKeys", append([]string{SessionTag}, podIdentityTags()...)...),
			},
		},
	)
}

// BaseRolePermissions returns the permission policy of the base role: what a session
// can do at most even if no session policy was passed. The tag of the session stands
// for the organization; a session without it can do nothing.
func (in Installation) BaseRolePermissions() *iam.Document {
	ap := in.apARN(in.taggedAPName())
	return document(
		iam.Statement{
			Sid:       "OwnArtifacts",
			Effect:    iam.Allow,
			Actions:   objectActions(),
			Resources: []string{ap + "/object/" + tagged + "/*"},
		},
		iam.Statement{
			Sid:        "OwnListing",
			Effect:     iam.Allow,
			Actions:    []string{listAction},
			Resources:  []string{ap},
			Conditions: []iam.Condition{when("StringLike", "s3:prefix", tagged+"/*")},
		},
		iam.Statement{
			Sid:       "KeyUseThroughS3",
			Effect:    iam.Allow,
			Actions:   keyActions(),
			Resources: []string{in.KMSKeyARN},
			Conditions: []iam.Condition{
				when("StringEquals", "kms:ViaService", in.viaS3()...),
				when("StringLike", keyContext, in.BucketARN(), in.BucketARN()+"/"+tagged+"/*"),
			},
		},
	)
}

// taggedAPName is the pattern of the session's own access point. The tag holds the
// dashed UUID, so it can spell the name only when that has dashes too.
//
// Otherwise the name is 32 single-character wildcards, not "*": a star also matches
// slashes, and accesspoint/p-*/object/<org>/* would admit the key
// <other>/object/<org>/… of another organization. With a fixed length the slash after
// the name stands where the name ends, and the tag decides the first part of the key.
func (in Installation) taggedAPName() string {
	if in.dashedNames() {
		return in.APPrefix + tagged
	}
	return in.APPrefix + strings.Repeat("?", undashedLength)
}
