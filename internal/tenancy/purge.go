package tenancy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

// The purge role is the one identity that deletes objects, of one organization at a time,
// and can do nothing else: not read, not write, not list another's names. It exists only
// where an installation asks for it. What no policy can know is which organizations are
// deleted: whoever has the backend's identity can purge a living one (docs/deletion.md).

const (
	// PurgeTag is the key of the session tag that carries the UUID of the organization
	// whose objects are purged. It is not SessionTag: no document confuses the two.
	PurgeTag = "purge"

	purgeSessionPrefix = "purge-"
	// purgeTagged stands for the organization of a purge, as tagged for that of a session.
	purgeTagged = "${aws:PrincipalTag/" + PurgeTag + "}"
)

// purgeListAction lists versions and delete markers. Uploads in parts are not listed:
// that action knows no prefix (service authorization reference of Amazon S3), and ours
// are recorded.
const purgeListAction = "s3:ListBucketVersions"

// purgeActions name versions alone: a deletion that names none would hide an object in a
// bucket with versions, and keep it.
func purgeActions() []string { return []string{"s3:DeleteObjectVersion", "s3:AbortMultipartUpload"} }

// Purges reports whether the installation has a purge role.
func (in Installation) Purges() bool { return in.PurgeRoleName != "" }

// PurgeRoleARN returns the ARN of the purge role.
func (in Installation) PurgeRoleARN() string { return in.roleARN(in.PurgeRoleName) }

// PurgeSessionName returns the session name of the purge of the organization.
func (t Tenant) PurgeSessionName() string { return purgeSessionPrefix + t.id.String() }

// PurgeSessionTags returns the tags of that session.
func (t Tenant) PurgeSessionTags() map[string]string {
	return map[string]string{PurgeTag: t.id.String()}
}

// PurgeRoleTrust returns the trust policy of the purge role: the backend alone, as one
// organization, which session name and tag agree on. A session of the base role is not
// the backend's, so it cannot become it.
func (in Installation) PurgeRoleTrust() *iam.Document {
	backend := principals(in.BackendRoleARN())
	return document(
		iam.Statement{
			Sid:        "PurgeOneOrganization",
			Effect:     iam.Allow,
			Principals: backend,
			Actions:    []string{"sts:AssumeRole"},
			Conditions: []iam.Condition{
				when("StringEquals", "sts:RoleSessionName", purgeSessionPrefix+"${aws:RequestTag/"+PurgeTag+"}"),
				when("StringLike", "sts:RoleSessionName", purgeSessionPrefix+uuidShape),
			},
		},
		iam.Statement{
			Sid:        "TagWithOrganization",
			Effect:     iam.Allow,
			Principals: backend,
			Actions:    []string{"sts:TagSession"},
			Conditions: []iam.Condition{
				when("StringLike", "aws:RequestTag/"+PurgeTag, uuidShape),
				when("ForAllValues:StringEquals", "aws:TagKeys", append([]string{PurgeTag}, podIdentityTags()...)...),
			},
		},
	)
}

// PurgeRolePermissions returns the permission policy of the purge role.
func (in Installation) PurgeRolePermissions() *iam.Document {
	return document(
		iam.Statement{
			Sid:       "PurgeObjects",
			Effect:    iam.Allow,
			Actions:   purgeActions(),
			Resources: []string{in.BucketARN() + "/" + purgeTagged + "/*"},
		},
		iam.Statement{
			Sid:        "PurgeListing",
			Effect:     iam.Allow,
			Actions:    []string{purgeListAction},
			Resources:  []string{in.BucketARN()},
			Conditions: []iam.Condition{when("StringLike", "s3:prefix", purgeTagged+"/*")},
		},
	)
}

// purgeExceptions excepts the purge role from a denial of what is outside of access
// points. Nobody else's ARN is equal to its, and a caller without one is no exception.
func (in Installation) purgeExceptions() []iam.Condition {
	if !in.Purges() {
		return nil
	}
	return []iam.Condition{when("ArnNotEquals", "aws:PrincipalArn", in.PurgeRoleARN())}
}

// purgeDenials hold the purge role to what it is for, whatever is attached to it. The
// first is the only Deny of everything but a list: it is about a role that repairs
// nothing, so nobody is locked out by it.
func (in Installation) purgeDenials() []iam.Statement {
	if !in.Purges() {
		return nil
	}
	purger := when("ArnEquals", "aws:PrincipalArn", in.PurgeRoleARN())
	return []iam.Statement{
		{
			Sid:        "DenyPurgeRoleAnythingElse",
			Effect:     iam.Deny,
			Principals: everyone(),
			NotActions: append(purgeActions(), purgeListAction),
			Resources:  []string{in.BucketARN(), in.ObjectsARN()},
			Conditions: []iam.Condition{purger},
		},
		{
			Sid:          "DenyPurgeOfOtherOrganizations",
			Effect:       iam.Deny,
			Principals:   everyone(),
			Actions:      everyBucketObjectAction(),
			NotResources: []string{in.BucketARN() + "/" + purgeTagged + "/*"}, // no tag: nothing is excepted
			Conditions:   []iam.Condition{purger},
		},
		{
			Sid:        "DenyPurgeListingOfOtherOrganizations",
			Effect:     iam.Deny,
			Principals: everyone(),
			Actions:    []string{everyListAction},
			Resources:  []string{in.BucketARN()},
			Conditions: []iam.Condition{purger, when("StringNotLike", "s3:prefix", purgeTagged+"/*")},
		},
	}
}

// becomesPurger lets the backend become the purge role; nil when there is none.
func (in Installation) becomesPurger() []iam.Statement {
	if !in.Purges() {
		return nil
	}
	return []iam.Statement{{
		Sid:       "PurgeOneOrganization",
		Effect:    iam.Allow,
		Actions:   []string{"sts:AssumeRole", "sts:TagSession"},
		Resources: []string{in.PurgeRoleARN()},
	}}
}

// purgeDocuments are the documents of the purge role.
func (in Installation) purgeDocuments() []NamedDocument {
	if !in.Purges() {
		return nil
	}
	return []NamedDocument{
		{"purge-role-trust", iam.KindTrust, "trust policy of role " + in.PurgeRoleName, in.PurgeRoleTrust()},
		{"purge-role-permissions", iam.KindIdentity, "permissions of role " + in.PurgeRoleName, in.PurgeRolePermissions()},
	}
}

// purgeEndpoint is what a VPC endpoint has to let through for the purge.
func (in Installation) purgeEndpoint() []iam.Statement {
	if !in.Purges() {
		return nil
	}
	return []iam.Statement{{
		Sid:        "Purge",
		Effect:     iam.Allow,
		Principals: everyone(),
		Actions:    append(purgeActions(), purgeListAction),
		Resources:  []string{in.BucketARN(), in.ObjectsARN()},
		Conditions: []iam.Condition{when("ArnEquals", "aws:PrincipalArn", in.PurgeRoleARN())},
	}}
}

// checkPurge refuses a purge role that is something else as well.
func (in Installation) checkPurge() error {
	name := in.PurgeRoleName
	same := func(other string) bool { return strings.EqualFold(name, other) } // IAM (facts AWS §5)
	switch {
	case name == "":
		return nil
	case !iamNameForm.MatchString(name) || len(name) > maxRoleName:
		return fmt.Errorf("purge role name %q: want 1 to %d letters, digits and _+=,.@- (a name, not an ARN or a path); set purge.roleName", name, maxRoleName)
	case slices.ContainsFunc([]string{in.BaseRoleName, in.BackendRoleName, in.ControlplaneRoleName, in.CASRoleName}, same):
		return fmt.Errorf("purge role %q is another role of the installation: it must be one of its own", name)
	case slices.Contains(in.OperatorARNs, in.PurgeRoleARN()):
		return errors.New("the purge role is listed as an operator: it must not list the bucket")
	}
	return nil
}
