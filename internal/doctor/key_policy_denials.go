package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// keyPolicyDenies asks for every other use of the key.
func keyPolicyDenies(o Observation) ([]Finding, error) {
	policy, err := o.policyOfKey()
	if err != nil {
		return nil, err
	}
	in := o.Installation
	return admitted(in, policy, in.KeyPolicy(), keyLeaks(in, policy), putKeyPolicy(in)), nil
}

func keyLeaks(in tenancy.Installation, policy *iam.Document) []leak {
	s3, ec2 := serviceHost(in, "s3"), serviceHost(in, "ec2")
	t, o := fresh(in), other(in)
	session, admin := unlimited(in, t), administrator(in)
	var outside []ask
	for _, by := range append([]asker{session}, roles(in)...) {
		outside = slices.Concat(outside, keyAsks(by, "", in.BucketARN(), cryptography()...), keyAsks(by, ec2, in.BucketARN(), cryptography()...))
	}
	foreign, named := granteeAsks(in, policy)
	return []leak{
		{
			code:        "key-policy-foreign",
			what:        "the key policy lets somebody outside of this account use or change the key",
			consequence: "who is granted it reads artifacts, or makes them unreadable, without approval of this account",
			grants:      true,
			asks:        foreign,
		},
		{
			code:        "key-policy-account-decrypts",
			status:      Warning,
			what:        "the key policy lets IAM of this account grant the use of the key",
			consequence: "every administrator with kms:* decrypts artifacts, in whatever way they get the ciphertext",
			grants:      true,
			asks:        slices.Concat(keyAsks(admin, "", in.BucketARN(), cryptography()...), keyAsks(admin, s3, in.BucketARN(), cryptography()...)),
		},
		{
			code:        "key-policy-principals",
			status:      Warning,
			what:        "the key policy lets others than the base role use the key",
			consequence: "who is granted it decrypts artifacts, in whatever way they get the ciphertext",
			grants:      true,
			asks:        named,
			after:       []string{"key-policy-account-decrypts"},
		},
		{
			code:        "key-policy-outside-s3",
			firm:        true,
			what:        "the key policy does not deny the installation's roles to use the key outside of S3",
			consequence: "stolen credentials of a session or a workload are of use against KMS itself, if one more policy allows it",
			asks:        outside,
		},
		{
			code:        "key-policy-other-buckets",
			what:        "the key policy lets sessions use the key for other buckets",
			consequence: "artifacts that are copied to another bucket can be read there",
			grants:      true,
			asks:        keyAsks(session, s3, "arn:"+in.Partition+":s3:::another-bucket/x", "kms:Decrypt", "kms:GenerateDataKey"),
			after:       []string{"key-policy-account-decrypts", "key-policy-foreign"},
		},
		{
			code:        "key-policy-other-organizations",
			what:        "the key policy lets sessions use the key for artifacts of other organizations",
			consequence: "without a Bucket Key, this was one more layer between organizations",
			grants:      true,
			asks:        keyAsks(session, s3, in.BucketARN()+"/"+artifact(o), "kms:Decrypt", "kms:GenerateDataKey"),
			after:       []string{"key-policy-account-decrypts", "key-policy-foreign", "key-policy-other-buckets"},
		},
	}
}

// roles are the workloads, as they would be with everything allowed.
func roles(in tenancy.Installation) []asker {
	var all []asker
	for _, arn := range in.WorkloadRoleARNs() {
		all = append(all, named(arn))
	}
	return all
}

// granteeAsks are of those whom the policy grants something: others than this account, and
// principals of this account.
func granteeAsks(in tenancy.Installation, policy *iam.Document) (foreign, own []ask) {
	s3 := serviceHost(in, "s3")
	change := []string{"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey"}
	everything := func(by asker) []ask {
		return slices.Concat(keyAsks(by, "", "", append(cryptography(), change...)...), keyAsks(by, s3, in.BucketARN(), cryptography()...))
	}
	whom := append(suspects(in, policy), anonymous(), outsider(in))
	for _, st := range policy.Statements {
		if st.Effect != iam.Allow || st.Principals == nil {
			continue
		}
		for _, entry := range slices.Concat(st.Principals.AWS, st.Principals.Service) {
			whom = append(whom, grantee(in, entry))
		}
	}
	for _, by := range whom {
		switch {
		case by.arn == in.BaseRoleARN():
			continue // what its sessions may do with the key is asked by itself
		case by.account != in.AccountID:
			foreign = slices.Concat(foreign, everything(by), keyAsks(by, "", "", grantedActions(policy, "kms")...))
			continue
		}
		own = slices.Concat(own, keyAsks(by, "", "", cryptography()...), keyAsks(by, s3, in.BucketARN(), cryptography()...))
	}
	return foreign, own
}

// keyPolicyControl: a key whose policy nobody may replace is lost to its account (facts
// AWS §6.2). Unlike a bucket, not even the root user can.
func keyPolicyControl(o Observation) ([]Finding, error) {
	policy, err := o.policyOfKey()
	if err != nil {
		return nil, err
	}
	in := o.Installation
	candidates := []asker{administrator(in), named(in.RootARN())}
	for _, arn := range slices.Concat(in.OperatorARNs, mentioned(policy), principalsOf(policy)) {
		if by := named(arn); by.account == in.AccountID && !stale(arn) {
			candidates = append(candidates, by)
		}
	}
	var because string
	for _, by := range candidates {
		d := keyAsk{by: by, action: "kms:PutKeyPolicy"}.decide(in, policy, nil)
		if d.Allowed() {
			return nil, nil
		}
		if because == "" {
			because = d.Because[0].Text
		}
	}
	return []Finding{{
		Code: "key-policy-lockout", Status: Failed,
		What:        fmt.Sprintf("nobody may change the policy of KMS key %s", in.KMSKeyARN),
		Evidence:    "evaluated: " + because,
		Consequence: "what the key policy says can never be changed, and the key not be deleted",
		Fix: Fix{
			Text:     "AWS Support can give the account its key back; after that, put the key policy of this installation",
			Document: putKeyPolicy(in).Document,
		},
	}}, nil
}

// principalsOf are the users and roles that a policy names.
func principalsOf(policy *iam.Document) []string {
	var arns []string
	for _, st := range policy.Statements {
		if st.Principals != nil {
			arns = append(arns, slices.DeleteFunc(slices.Clone(st.Principals.AWS), func(entry string) bool {
				return !strings.HasPrefix(entry, "arn:")
			})...)
		}
	}
	return arns
}
