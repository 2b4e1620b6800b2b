package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// repairActions are what it takes to put a bucket right.
func repairActions() []string {
	return []string{
		"s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy", "s3:GetBucketLocation",
		"s3:PutBucketPublicAccessBlock", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
		"s3:PutBucketOwnershipControls", "s3:GetBucketPublicAccessBlock", "s3:GetEncryptionConfiguration",
		"s3:GetLifecycleConfiguration", "s3:GetBucketOwnershipControls",
	}
}

// policyControl is about who may change the bucket, and whoever else the policy is for.
func policyControl(o Observation) ([]Finding, error) {
	policy, err := o.policyOfBucket()
	if err != nil {
		return nil, err
	}
	in := o.Installation
	found := slices.Concat(lockout(in, policy), shutOut(in, policy), purgeShutOut(in, policy))
	if open := public(in, policy); len(open) > 0 {
		return append(found, open...), nil // what it grants, and to whom, follows from that
	}
	return append(found, admitted(in, policy, in.BucketPolicy(), []leak{{
		code:        "bucket-policy-grant",
		grants:      true,
		what:        "the bucket policy grants somebody more than the installation does",
		consequence: "who is granted it needs no permission of IAM, and from another account no approval of this one",
		asks:        grantedAsks(in, policy),
	}}, putBucketPolicy(in))...), nil
}

// lockout: a Deny of everything shuts out whoever has to repair it (facts AWS §12.5). The
// root user can always read, replace and delete a bucket policy.
func lockout(in tenancy.Installation, policy *iam.Document) []Finding {
	var denied []string
	var because string
	for _, action := range repairActions() {
		if nobodyMay(in, policy, action) {
			denied = append(denied, action)
			because = bucketAsk{by: administrator(in), action: action}.decide(in, policy, nil).Because[0].Text
		}
	}
	if len(denied) == 0 {
		return nil
	}
	fix := putBucketPolicy(in)
	fix.Text += "; where s3:PutBucketPolicy itself is denied, only the root user of the account can"
	return []Finding{{
		Code: "bucket-policy-lockout", Status: Failed,
		What:        fmt.Sprintf("the bucket policy lets no administrator use %s", listed(denied)),
		Evidence:    "evaluated: " + because,
		Consequence: "nobody but the root user can repair or change the bucket, nor can managedcasd provision or other tools",
		Fix:         fix,
	}}
}

// nobodyMay asks for an administrator, and everybody whom the policy's denials may except.
func nobodyMay(in tenancy.Installation, policy *iam.Document, action string) bool {
	may := func(by asker) bool {
		return bucketAsk{by: by, action: action}.decide(in, policy, nil).Allowed()
	}
	if may(administrator(in)) {
		return false
	}
	for _, arn := range slices.Concat(in.OperatorARNs, mentioned(policy)) {
		if strings.HasSuffix(arn, ":root") {
			continue
		}
		if may(named(arn)) {
			return false
		}
	}
	return true
}

// mentioned are the principals in conditions and in NotPrincipal elements.
func mentioned(policy *iam.Document) []string {
	var arns []string
	for _, st := range policy.Statements {
		for _, c := range st.Conditions {
			if strings.EqualFold(c.Key, "aws:PrincipalArn") {
				arns = append(arns, c.Values...)
			}
		}
		if st.NotPrincipals != nil {
			arns = append(arns, st.NotPrincipals.AWS...)
		}
	}
	return arns
}

// shutOut is about operators who verify an installation.
func shutOut(in tenancy.Installation, policy *iam.Document) []Finding {
	var found []Finding
	for _, arn := range in.OperatorARNs {
		d := bucketAsk{by: named(arn), action: "s3:ListBucket"}.decide(in, policy, nil)
		if !d.Allowed() {
			found = append(found, Finding{
				Code: "bucket-policy-operators", Status: Warning,
				What:        fmt.Sprintf("the bucket policy does not let operator %s list the bucket", arn),
				Evidence:    "evaluated: " + d.Because[0].Text,
				Consequence: "the operator cannot verify an installation by what is in its bucket; infrastructure tools fail, for HeadBucket is a listing too",
				Fix:         putBucketPolicy(in),
			})
		}
	}
	return found
}

// purgeShutOut is about the purge role, where there is one.
func purgeShutOut(in tenancy.Installation, policy *iam.Document) []Finding {
	if !in.Purges() {
		return nil
	}
	t := fresh(in)
	for _, a := range []bucketAsk{
		{by: purger(in, t), action: "s3:DeleteObjectVersion", key: artifact(t)},
		{by: purger(in, t), action: "s3:AbortMultipartUpload", key: artifact(t)},
		{by: purger(in, t), action: "s3:ListBucketVersions", with: keys("s3:prefix", t.KeyPrefix())},
	} {
		if d := a.decide(in, policy, nil); !d.Allowed() {
			return []Finding{{
				Code: "bucket-policy-purge", Status: Failed,
				What:        fmt.Sprintf("the bucket policy does not let role %s purge deleted organizations", in.PurgeRoleName),
				Evidence:    "evaluated: " + d.Because[0].Text,
				Consequence: "artifacts of deleted organizations stay for ever, in spite of purge.enabled",
				Fix:         putBucketPolicy(in),
			}}
		}
	}
	return nil
}

func purger(in tenancy.Installation, t tenancy.Tenant) asker {
	c := named(in.PurgeRoleARN())
	c.name, c.tags = "the purge of an organization", t.PurgeSessionTags()
	c.identity = []iam.Policy{{Name: "permissions of role " + in.PurgeRoleName, Document: in.PurgeRolePermissions()}}
	return c
}

// public: S3 refuses such a policy, or cuts it down, where public access is blocked.
func public(in tenancy.Installation, policy *iam.Document) []Finding {
	is, because := iam.Public(iam.KindBucket, policy)
	if !is {
		return nil
	}
	return []Finding{{
		Code: "bucket-policy-public", Status: Failed,
		What:        "the bucket policy counts as public",
		Evidence:    because[0].Text,
		Consequence: "everybody is granted what it grants; where public access is blocked, S3 accepts no change of it, nor of the access points' policies",
		Fix:         putBucketPolicy(in),
	}}
}

// grantedAsks are of everybody who needs a grant to do anything: those whom the policy's
// grants name and the roles of the installation among them.
func grantedAsks(in tenancy.Installation, policy *iam.Document) []ask {
	t, o := fresh(in), other(in)
	by := []asker{anonymous(), outsider(in), organization(in, t),
		workload(in.BackendRoleARN(), in.BackendPermissions()), workload(in.ControlplaneRoleARN(), in.ControlplanePermissions()),
		workload(in.CASRoleARN(), in.CASPermissions())}
	for _, st := range policy.Statements {
		if st.Effect != iam.Allow || st.Principals == nil {
			continue
		}
		for _, entry := range slices.Concat(st.Principals.AWS, st.Principals.Service) {
			by = append(by, grantee(in, entry))
		}
	}
	by = append(by, suspects(in, policy)...)
	actions := slices.Concat(repairActions(), []string{"s3:DeleteBucket", "s3:PutReplicationConfiguration", "s3:PutBucketAcl"}, grantedActions(policy, "s3"))
	var asks []ask
	for _, a := range by {
		for _, action := range actions {
			asks = append(asks, bucketAsk{by: a, action: action})
		}
		asks = append(asks, everyAsk(a, "", o)...)
	}
	return asks
}

// grantee is whom an entry of a Principal stands for, with no permission of IAM if it is of
// this account: only what the policy grants counts.
func grantee(in tenancy.Installation, entry string) asker {
	if len(entry) == 12 { // an account
		entry = strings.Join([]string{"arn", in.Partition, "iam", "", entry, "role/an-administrator"}, ":")
	}
	if arn, ok := strings.CutSuffix(entry, ":root"); ok {
		entry = arn + ":role/an-administrator"
	}
	a := named(entry)
	if a.account == in.AccountID {
		a.identity = nil
	}
	return a
}

func workload(arn string, permissions *iam.Document) asker {
	a := named(arn)
	a.identity = []iam.Policy{{Name: "permissions of " + arn, Document: permissions}}
	return a
}
