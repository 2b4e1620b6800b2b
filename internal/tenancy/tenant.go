package tenancy

import (
	"fmt"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
)

// A tenant is a handful of names and two documents: the policy of its access point is
// here, the one of its sessions in session_policy.go.

// ID returns the organization that the tenant is.
func (t Tenant) ID() org.ID { return t.id }

// APName returns the name of the access point. A UUID without its dashes stands in
// when the full name would have more than 50 characters (facts AWS §1.1).
func (t Tenant) APName() string {
	if t.in.dashedNames() {
		return t.in.APPrefix + t.id.String()
	}
	return t.in.APPrefix + t.id.Compact()
}

// APARN returns the ARN of the access point: what S3 clients take as bucket.
func (t Tenant) APARN() string { return t.in.apARN(t.APName()) }

// KeyPrefix returns what all the organization's keys begin with, and no others do.
func (t Tenant) KeyPrefix() string { return t.id.String() + "/" }

// ObjectKey returns the key of an artifact.
func (t Tenant) ObjectKey(d digest.Digest) string { return t.KeyPrefix() + d.String() }

// ObjectARN returns the ARN of an artifact through the access point, the form that
// identity, session and access point policies see.
func (t Tenant) ObjectARN(d digest.Digest) string {
	return t.APARN() + "/object/" + t.ObjectKey(d)
}

// SessionName returns the role session name. AWS shows it in aws:userid, which the
// access point policy compares byte by byte.
func (t Tenant) SessionName() string { return sessionNamePrefix + t.id.String() }

// SessionTags returns the tags of the session, which the base role's permissions and
// the bucket policy read as aws:PrincipalTag.
func (t Tenant) SessionTags() map[string]string {
	return map[string]string{SessionTag: t.id.String()}
}

// SessionPolicyName returns the name of the organization's managed policy, which exists
// only in the mode Managed.
func (t Tenant) SessionPolicyName() string { return t.in.SessionPolicyPrefix + t.id.String() }

// SessionPolicyARN returns the ARN of the organization's managed policy.
func (t Tenant) SessionPolicyARN() string { return t.in.iamARN("policy/" + t.SessionPolicyName()) }

// APPolicy returns the access point's resource policy. baseRoleID is the unique id of
// the base role ("AROA…"), which another role of the same name does not have: the
// policy must be written again when it changes (facts AWS §12.16).
//
// The grants name the role, not "*": only then does the session policy still limit
// what they give (facts AWS §3.2). The user id is compared as a whole: a pattern
// would let every tenant in, and count as public (facts AWS §2.5).
func (t Tenant) APPolicy(baseRoleID string) *iam.Document {
	session := baseRoleID + ":" + t.SessionName()
	own := when("StringEquals", "aws:userid", session)
	foreign := when("StringNotEquals", "aws:userid", session)
	return document(
		iam.Statement{
			Sid:        "OwnSession",
			Effect:     iam.Allow,
			Principals: principals(t.in.BaseRoleARN()),
			Actions:    objectActions(),
			Resources:  []string{t.objects()},
			Conditions: []iam.Condition{own},
		},
		iam.Statement{
			Sid:        "OwnSessionListing",
			Effect:     iam.Allow,
			Principals: principals(t.in.BaseRoleARN()),
			Actions:    []string{listAction},
			Resources:  []string{t.APARN()},
			Conditions: []iam.Condition{own, when("StringLike", "s3:prefix", t.KeyPrefix()+"*")},
		},
		// A caller without a user id is foreign too: a missing key satisfies a negated
		// operator.
		iam.Statement{
			Sid:        "EverybodyElseOut",
			Effect:     iam.Deny,
			Principals: everyone(),
			Actions:    append(everyObjectAction(), everyListAction),
			Resources:  []string{t.APARN(), t.APARN() + "/object/*"},
			Conditions: []iam.Condition{foreign},
		},
		iam.Statement{
			Sid:          "NothingOutsideOwnPrefix",
			Effect:       iam.Deny,
			Principals:   everyone(),
			Actions:      everyObjectAction(),
			NotResources: []string{t.objects()},
		},
		// Also denied: a list that names no prefix.
		iam.Statement{
			Sid:        "NoListingOutsideOwnPrefix",
			Effect:     iam.Deny,
			Principals: everyone(),
			Actions:    []string{everyListAction},
			Resources:  []string{t.APARN()},
			Conditions: []iam.Condition{when("StringNotLike", "s3:prefix", t.KeyPrefix()+"*")},
		},
	)
}

// objects is the pattern of the organization's artifacts through its access point.
func (t Tenant) objects() string { return t.APARN() + "/object/" + t.KeyPrefix() + "*" }

// Coordinates say where an organization's artifacts are and how to get a session for
// them. They hold no credentials. The names are those of the secret that existing
// systems store (facts WIRE §9). SessionPolicyARN is the organization's own in every mode
// of session policies, so that processes in different modes agree; whoever passes it in
// another mode than Managed names a policy that is not there, and gets nothing.
type Coordinates struct {
	AccessPointARN   string `json:"AccessPointARN"`
	Region           string `json:"Region"`
	BaseRoleARN      string `json:"BaseRoleARN"`
	SessionPolicyARN string `json:"SessionPolicyARN"`
}

// Coordinates returns the tenant's own.
func (t Tenant) Coordinates() Coordinates {
	return Coordinates{
		AccessPointARN:   t.APARN(),
		Region:           t.in.Region,
		BaseRoleARN:      t.in.BaseRoleARN(),
		SessionPolicyARN: t.SessionPolicyARN(),
	}
}

// Verify refuses coordinates that are not the tenant's own, whoever stored them
// (DESIGN I8e). The error names the field, not its value: it may reach a client.
func (t Tenant) Verify(stored Coordinates) error {
	own := t.Coordinates()
	for _, field := range []struct{ name, stored, own string }{
		{"AccessPointARN", stored.AccessPointARN, own.AccessPointARN},
		{"Region", stored.Region, own.Region},
		{"BaseRoleARN", stored.BaseRoleARN, own.BaseRoleARN},
		{"SessionPolicyARN", stored.SessionPolicyARN, own.SessionPolicyARN},
	} {
		if field.stored != field.own {
			return fmt.Errorf("stored %s is not that of organization %s: run the reconciler, and find out who changed it", field.name, t.id)
		}
	}
	return nil
}
