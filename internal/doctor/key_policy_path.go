package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// errKeyPolicy stands for a text that is no policy: one check says so.
var errKeyPolicy = errors.New("the key has no policy that could be looked at: see above")

func (o Observation) policyOfKey() (*iam.Document, error) {
	if o.KeyPolicy.Err != nil {
		return nil, o.KeyPolicy.Err
	}
	if o.Key.Err == nil && replaceable(o.Key.Value) {
		return nil, errOtherKey
	}
	policy, err := iam.Parse(iam.KindKey, o.KeyPolicy.Value)
	if err != nil {
		return nil, errKeyPolicy
	}
	return policy, nil
}

// keyPolicyLetsThrough asks for what S3 asks of KMS in an organization's name.
func keyPolicyLetsThrough(o Observation) ([]Finding, error) {
	policy, err := o.policyOfKey()
	in := o.Installation
	if errors.Is(err, errKeyPolicy) {
		_, err := iam.Parse(iam.KindKey, o.KeyPolicy.Value)
		return []Finding{{
			Code: "key-policy-malformed", Status: Failed,
			What:        "the policy of the KMS key is none that can be understood",
			Evidence:    err.Error(),
			Consequence: "what it allows and denies is not known",
			Fix:         putKeyPolicy(in),
		}}, nil
	}
	if err != nil {
		return nil, err
	}
	path := keyPath(in, o.encryptionContext())
	found := causes(scene{policy: policy}, path, keyRepairs(in, path, o.encryptionContext()))
	found = append(found, staleBeside(found, policy, "key-policy-stale-principal", "the key policy", putKeyPolicy(in))...)
	return o.unlessRoleMissing(append(found, keyPolicyBackend(in, policy)...)), nil
}

// unlessRoleMissing leaves out what follows from a role that is not there: AWS shows it as a
// principal that is gone, and the cure of the missing role puts the key policy too.
func (o Observation) unlessRoleMissing(found []Finding) []Finding {
	if !o.BaseRole.missing() && !slices.ContainsFunc(o.Workloads, func(w workloadSeen) bool { return w.missing() }) {
		return found
	}
	return slices.DeleteFunc(found, func(f Finding) bool { return f.Code == "key-policy-stale-principal" })
}

// encryptionContext is what S3 sends to KMS: the bucket with a Bucket Key, or else the
// object (facts AWS §6.3). A bucket whose encryption may not be seen has one, as it should.
func (o Observation) encryptionContext() string {
	if o.Encryption.Err == nil && !o.Encryption.Value.BucketKey {
		return o.Installation.BucketARN() + "/" + artifact(fresh(o.Installation))
	}
	return o.Installation.BucketARN()
}

func keyPath(in tenancy.Installation, context string) []trial {
	use := func(what, action string) trial {
		ask := keyAsk{by: organization(in, fresh(in)), action: action, via: serviceHost(in, "s3"), of: context}
		return trial{what, func(s scene) iam.Decision { return ask.decide(in, s.policy, s.keys) }}
	}
	return []trial{use("store artifacts", "kms:GenerateDataKey"), use("read artifacts", "kms:Decrypt")}
}

// keyRepairs undo what is known to stand in the way, the root of it first.
func keyRepairs(in tenancy.Installation, path []trial, context string) []repair {
	say := func(code, what string) func([]string, string) Finding {
		return func(evidence []string, refused string) Finding {
			return Finding{
				Code: code, Status: Failed, What: what, Evidence: strings.Join(evidence, "; "),
				Consequence: fmt.Sprintf("no organization can %s: S3 answers AccessDenied", refused), Fix: putKeyPolicy(in),
			}
		}
	}
	correct := func(key, want string, values ...string) func(scene) (scene, []string) {
		return func(s scene) (scene, []string) {
			policy, found := correction{key: key, want: want, values: values}.in(s.policy)
			return scene{policy, s.keys}, found
		}
	}
	granting := func(actions ...string) func(scene) (scene, []string) {
		return func(s scene) (scene, []string) {
			s.policy = &iam.Document{Version: iam.Version2012, Statements: append(slices.Clone(s.policy.Statements), iam.Statement{
				Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{in.BaseRoleARN()}}, Actions: actions, Resources: []string{"*"},
			})}
			return s, []string{"no statement of the key policy allows " + listed(actions) + " to " + in.BaseRoleARN()}
		}
	}
	return []repair{
		{olderLanguage, say("key-policy-version", "the key policy is in an older version of the language, without variables")},
		{staleIn(&iam.Principals{AWS: []string{in.BaseRoleARN()}}), say("key-policy-stale-principal", "the key policy names a role or user that exists no more by its unique id, and not the base role that there is")},
		{correct("kms:ViaService", serviceHost(in, "s3"), serviceHost(in, "s3")), say("key-policy-region", "the key policy lets the base role use the key through another service than S3 in "+in.Region)},
		{correct("kms:CallerAccount", in.AccountID, in.AccountID), say("key-policy-account", "the key policy lets another account than this one use the key")},
		{correct(encryptionContextKey, context, in.BucketARN(), in.BucketARN()+"/*"), say("key-policy-context", "the key policy lets the base role use the key for another encryption context than that of bucket "+in.BucketName)},
		{overWideDeny(path), say("key-policy-deny", "the key policy denies organizations the use of the key")},
		{granting("kms:GenerateDataKey"), say("key-policy-encrypt", "the key policy does not let the base role encrypt")},
		{granting("kms:Decrypt"), say("key-policy-decrypt", "the key policy does not let the base role decrypt")},
		{granting("kms:GenerateDataKey", "kms:Decrypt"), say("key-policy-grant", "the key policy does not let the base role use the key")},
	}
}

// encryptionContextKey is the condition key of what S3 sends (facts AWS §6.3).
const encryptionContextKey = "kms:EncryptionContext:aws:s3:arn"

// keyPolicyBackend: the guide lets the backend use the key. Nothing that it does to objects
// needs that, so it is a warning.
func keyPolicyBackend(in tenancy.Installation, policy *iam.Document) []Finding {
	backend := workload(in.BackendRoleARN(), in.BackendPermissions())
	for _, a := range []keyAsk{
		{by: backend, action: "kms:DescribeKey"},
		{by: backend, action: "kms:GenerateDataKey", via: serviceHost(in, "s3"), of: in.BucketARN()},
	} {
		if d := a.decide(in, policy, nil); !d.Allowed() {
			return []Finding{{
				Code: "key-policy-backend", Status: Warning,
				What:        "the key policy does not let the backend use the key",
				Evidence:    "evaluated: " + d.Because[0].Text,
				Consequence: "the backend cannot see whether the key can be used; artifacts are not affected",
				Fix:         putKeyPolicy(in),
			}}
		}
	}
	return nil
}
