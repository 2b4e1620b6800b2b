package tenancy

import (
	"encoding/json"
	"slices"

	"github.com/managedcas/managedcas/internal/iam"
)

// becomesCustomerRoles lets a workload into the roles of customers, as far as the operator
// allows: with an external id alone, and by a pattern for every account not into the roles
// of our own.
//
// The tags of EKS Pod Identity are transitive and go along into every role that a pod
// assumes (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html). That takes
// sts:TagSession, which has no external id to be asked for.
func (in Installation) becomesCustomerRoles() []iam.Statement {
	if !in.OwnBuckets() {
		return nil
	}
	var named, anybodys []string
	for _, pattern := range in.OwnBucketRoles {
		if accountOf(pattern) == "*" {
			anybodys = append(anybodys, pattern)
		} else {
			named = append(named, pattern)
		}
	}
	withID := when("Null", "sts:ExternalId", "false")
	elsewhere := when("StringNotEquals", "aws:ResourceAccount", in.AccountID)
	become := func(sid string, roles []string, conditions ...iam.Condition) iam.Statement {
		return iam.Statement{Sid: sid, Effect: iam.Allow, Actions: []string{"sts:AssumeRole"}, Resources: roles, Conditions: conditions}
	}
	var statements []iam.Statement
	if len(named) > 0 {
		statements = append(statements, become("BecomeCustomerRole", named, withID))
	}
	if len(anybodys) > 0 {
		statements = append(statements, become("BecomeCustomerRoleElsewhere", anybodys, withID, elsewhere))
	}
	return append(statements, iam.Statement{
		Sid: "TagCustomerSession", Effect: iam.Allow, Actions: []string{"sts:TagSession"}, Resources: slices.Concat(named, anybodys),
	})
}

// CustomerPrincipals are the identities that customers let into their roles: those of the
// control plane, which validates, and of cas.
func (in Installation) CustomerPrincipals() []string {
	arns := []string{in.ControlplaneRoleARN(), in.CASRoleARN()}
	slices.Sort(arns)
	return slices.Compact(arns)
}

// CustomerTrust is the trust policy of a customer's role.
func (in Installation) CustomerTrust(externalID string) *iam.Document {
	return document(
		iam.Statement{
			Sid: "ArtifactStorage", Effect: iam.Allow, Principals: principals(in.CustomerPrincipals()...),
			Actions:    []string{"sts:AssumeRole"},
			Conditions: []iam.Condition{when("StringEquals", "sts:ExternalId", externalID)},
		},
		iam.Statement{
			Sid: "ArtifactStorageTags", Effect: iam.Allow, Principals: principals(in.CustomerPrincipals()...),
			Actions: []string{"sts:TagSession"},
		},
	)
}

// CustomerPermissions is the permission policy of a customer's role: what its sessions are
// narrowed to anyway, and the deletion of what a validation has written.
func (t Tenant) CustomerPermissions(bucket string) *iam.Document {
	statements := t.ownBucketStatements(OwnBucket{Name: bucket})
	statements[0].Actions = append(statements[0].Actions, "s3:DeleteObject")
	return document(statements...)
}

// OwnBucketPolicy is the session policy in an organization's own bucket: its own keys, as
// in the managed one. It is passed as a text: nobody else could keep it for us there.
func (t Tenant) OwnBucketPolicy(b OwnBucket) PassedPolicy { return t.passedFor(b) }

// ValidationPolicy is OwnBucketPolicy for a validation, which may delete one object.
func (t Tenant) ValidationPolicy(b OwnBucket, canary string) PassedPolicy {
	return t.passedFor(b, iam.Statement{
		Effect: iam.Allow, Actions: []string{"s3:DeleteObject"}, Resources: []string{t.in.bucketARN(b.Name) + "/" + t.KeyPrefix() + canary},
	})
}

func (t Tenant) passedFor(b OwnBucket, more ...iam.Statement) PassedPolicy {
	text, err := json.Marshal(document(append(t.ownBucketStatements(b), more...)...))
	if err != nil { // unreachable: the document has texts alone
		return PassedPolicy{}
	}
	return PassedPolicy{Text: string(text)}
}

// ownBucketStatements: the key is the customer's choice, if there is one, so the policy
// says what it is used for and not which it is. That depends on the Region, which a
// permission policy does without.
func (t Tenant) ownBucketStatements(b OwnBucket) []iam.Statement {
	bucket := t.in.bucketARN(b.Name)
	via := when("StringLike", "kms:ViaService", "s3.*")
	if b.Region != "" {
		there := t.in
		there.Region = b.Region
		via = when("StringEquals", "kms:ViaService", there.viaS3()...)
	}
	return []iam.Statement{
		{Effect: iam.Allow, Actions: objectActions(), Resources: []string{bucket + "/" + t.KeyPrefix() + "*"}},
		{
			Effect: iam.Allow, Actions: []string{listAction}, Resources: []string{bucket},
			Conditions: []iam.Condition{when("StringLike", "s3:prefix", t.KeyPrefix()+"*")},
		},
		{
			Effect: iam.Allow, Actions: keyActions(), Resources: []string{"*"},
			Conditions: []iam.Condition{via, when("StringLike", keyContext, bucket, bucket+"/"+t.KeyPrefix()+"*")},
		},
	}
}

func (in Installation) bucketARN(name string) string { return in.arn("s3", "", "", name) }
