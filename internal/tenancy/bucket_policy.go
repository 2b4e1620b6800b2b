package tenancy

import (
	"slices"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/iam"
)

// BucketPolicy returns the resource policy of the bucket. Nobody reaches an object
// but through an access point of the installation, and a session of the base role
// only under its own organization's prefix.
//
// Denials name data actions, never "s3:*", except the one that is about transport:
// the policy itself can always be repaired (facts AWS §12.5). Lifecycle rules are
// not subject to it. There is no exemption for objects, break-glass included, but the one
// of an installation that purges (purge.go): to delete one organization's.
func (in Installation) BucketPolicy() *iam.Document {
	return also(document(
		in.denyPlainHTTP(),
		in.denyObjectsOutsideAccessPoints(),
		in.denyListingOutsideAccessPoints(),
		iam.Statement{
			Sid:          "DenyObjectsOfOtherOrganizations",
			Effect:       iam.Deny,
			Principals:   everyone(),
			Actions:      everyBucketObjectAction(),
			NotResources: []string{in.BucketARN() + "/" + tagged + "/*"}, // no tag: nothing is excepted
			Conditions:   []iam.Condition{in.isBaseRole()},
		},
		iam.Statement{
			Sid:        "DenyListingOfOtherOrganizations",
			Effect:     iam.Deny,
			Principals: everyone(),
			Actions:    []string{everyListAction},
			Resources:  []string{in.BucketARN()},
			Conditions: []iam.Condition{
				in.isBaseRole(),
				when("StringNotLike", "s3:prefix", tagged+"/*"), // true without a prefix or a tag
			},
		},
		in.denyWrites("DenyForeignKeyWhenNamed",
			when("StringNotEquals", "s3:x-amz-server-side-encryption-aws-kms-key-id", in.KMSKeyARN),
			// Requests that leave the key to the bucket's default do not have the condition
			// key, and must pass (facts AWS §6.3).
			when("Null", "s3:x-amz-server-side-encryption-aws-kms-key-id", "false")),
		in.denyWrites("DenyOtherEncryptionWhenNamed",
			when("StringNotEquals", "s3:x-amz-server-side-encryption", "aws:kms"),
			when("Null", "s3:x-amz-server-side-encryption", "false")),
		in.denyWrites("DenyCustomerProvidedKeys",
			when("Null", "s3:x-amz-server-side-encryption-customer-algorithm", "false")),
		in.denyOverwrite(),
		// The grants of the bucket's side. They name everybody because a grant to the base
		// role would be limited by session policies, which know access points only (facts
		// AWS §2.3). Who may use an access point is for its own policy to say.
		iam.Statement{
			Sid:        "DelegateObjectsToAccessPoints",
			Effect:     iam.Allow,
			Principals: everyone(),
			Actions:    objectActions(),
			Resources:  []string{in.ObjectsARN()},
			Conditions: in.throughAccessPoints(),
		},
		iam.Statement{
			Sid:        "DelegateListingToAccessPoints",
			Effect:     iam.Allow,
			Principals: everyone(),
			Actions:    []string{listAction},
			Resources:  []string{in.BucketARN()},
			Conditions: append(in.throughAccessPoints(), when("Null", "s3:prefix", "false")),
		},
	), in.purgeDenials())
}

func (in Installation) denyPlainHTTP() iam.Statement {
	conditions := []iam.Condition{when("Bool", "aws:SecureTransport", "false")}
	if in.Loopback {
		conditions = append(conditions, when("NotIpAddress", "aws:SourceIp", "127.0.0.0/8", "::1/128"))
	}
	return iam.Statement{
		Sid:        "DenyPlainHTTP",
		Effect:     iam.Deny,
		Principals: everyone(),
		Actions:    []string{"s3:*"},
		Resources:  []string{in.BucketARN(), in.ObjectsARN()},
		Conditions: conditions,
	}
}

func (in Installation) denyObjectsOutsideAccessPoints() iam.Statement {
	return iam.Statement{
		Sid:        "DenyObjectsOutsideAccessPoints",
		Effect:     iam.Deny,
		Principals: everyone(),
		Actions:    everyBucketObjectAction(),
		Resources:  []string{in.ObjectsARN()},
		Conditions: append([]iam.Condition{in.notThroughAccessPoints()}, in.purgeExceptions()...),
	}
}

// denyListingOutsideAccessPoints excepts the operators, who verify an installation by
// looking at the names in its bucket, and infrastructure tools: HeadBucket is
// s3:ListBucket too.
func (in Installation) denyListingOutsideAccessPoints() iam.Statement {
	conditions := []iam.Condition{in.notThroughAccessPoints()}
	excepted := slices.Clone(in.OperatorARNs)
	if in.Purges() {
		excepted = append(excepted, in.PurgeRoleARN())
	}
	if len(excepted) > 0 {
		conditions = append(conditions, when("ArnNotEquals", "aws:PrincipalArn", excepted...))
	}
	return iam.Statement{
		Sid:        "DenyListingOutsideAccessPoints",
		Effect:     iam.Deny,
		Principals: everyone(),
		Actions:    []string{everyListAction},
		Resources:  []string{in.BucketARN()},
		Conditions: conditions,
	}
}

func (in Installation) denyWrites(sid string, conditions ...iam.Condition) iam.Statement {
	return iam.Statement{
		Sid:        sid,
		Effect:     iam.Deny,
		Principals: everyone(),
		Actions:    []string{"s3:PutObject"},
		Resources:  []string{in.ObjectsARN()},
		Conditions: conditions,
	}
}

// denyOverwrite makes artifacts immutable (DESIGN I4), whoever holds a session: a write
// that is not conditional is refused. Only requests that create an object carry the
// second key with "true": starting an upload and sending its parts pass, completing it
// does not (facts AWS §7.2). Other keys of an organization (a person's, with an aws CLI
// that knows no conditional writes) are not artifacts: nothing trusts them.
func (in Installation) denyOverwrite() iam.Statement {
	return iam.Statement{
		Sid:        "DenyOverwrite",
		Effect:     iam.Deny,
		Principals: everyone(),
		Actions:    []string{"s3:PutObject"},
		Resources:  []string{in.BucketARN() + "/*/" + digest.Prefix + "*"},
		Conditions: []iam.Condition{
			when("Null", "s3:if-none-match", "true"),
			when("Bool", "s3:ObjectCreationOperation", "true"),
		},
	}
}

// notThroughAccessPoints holds for requests through no access point, another
// installation's, or another account's. Account and Region are spelled out: a
// wildcard there would admit access points that anybody can create.
func (in Installation) notThroughAccessPoints() iam.Condition {
	return when("StringNotLike", "s3:DataAccessPointArn", in.APARNPattern())
}

// throughAccessPoints also names the account by itself: a fixed account is what
// makes the grant not public (facts AWS §2.5).
func (in Installation) throughAccessPoints() []iam.Condition {
	return []iam.Condition{
		when("StringEquals", "s3:DataAccessPointAccount", in.AccountID),
		when("StringLike", "s3:DataAccessPointArn", in.APARNPattern()),
	}
}

func (in Installation) isBaseRole() iam.Condition {
	return when("ArnEquals", "aws:PrincipalArn", in.BaseRoleARN())
}
