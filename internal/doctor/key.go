package doctor

import (
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
)

// keyChecks are about section 2 of the operator's guide.
func keyChecks() []check {
	return []check{
		{"key/usable", "the KMS key exists and can be used", keyUsable},
		{"key/rotation", "KMS rotates the key every year", keyRotation},
		{"key/policy-lets-through", "the key policy lets organizations use the key through S3", keyPolicyLetsThrough},
		{"key/policy-denies", "the key policy lets nobody use the key in any other way", keyPolicyDenies},
		{"key/policy-control", "administrators can change the key", keyPolicyControl},
	}
}

// keyUsable is about the key itself.
func keyUsable(o Observation) ([]Finding, error) {
	key, arn := o.Key.Value, o.Installation.KMSKeyARN
	finding := func(code, what, evidence, consequence, fix string, commands ...string) []Finding {
		return []Finding{{
			Code: code, Status: Failed, What: fmt.Sprintf("KMS key %s %s", arn, what), Evidence: evidence, Consequence: consequence,
			Fix: Fix{Text: fix, Commands: commands},
		}}
	}
	const nothing = "nothing can be stored, and nothing that was encrypted with it be read"
	enable := "aws kms enable-key --key-id " + arn
	another := "name a symmetric key of your own in backend.managedCas.kmsKeyArn; managedcasd provision makes one where it is empty"
	switch {
	case errors.Is(o.Key.Err, cloud.ErrNotFound):
		return finding("key-missing", "does not exist", o.Key.Err.Error(), nothing+"; what was encrypted with a key that is deleted is lost",
			"correct backend.managedCas.kmsKeyArn; "+another), nil
	case o.Key.Err != nil:
		return nil, o.Key.Err
	}
	evidence := fmt.Sprintf("kms:DescribeKey: KeyState=%s, KeyManager=%s, KeySpec=%s, KeyUsage=%s", key.State, key.Manager, key.Spec, key.Usage)
	switch {
	case key.Manager == "AWS":
		return finding("key-aws-managed", "is managed by AWS", evidence,
			"its policy cannot be changed: organizations' sessions may not use it as this installation's", another), nil
	case key.Usage != "ENCRYPT_DECRYPT" || key.Spec != "SYMMETRIC_DEFAULT":
		return finding("key-not-symmetric", "is not a symmetric key for encryption", evidence, "S3 encrypts with symmetric keys only: nothing can be stored", another), nil
	case key.State == "Disabled":
		return finding("key-disabled", "is disabled", evidence, nothing, "enable the key", enable), nil
	case key.State == "PendingDeletion":
		return finding("key-pending-deletion", "is going to be deleted on "+key.DeletionDate.UTC().Format("2006-01-02"), evidence,
			nothing+"; after that day for ever", "cancel the deletion, and enable the key", "aws kms cancel-key-deletion --key-id "+arn, enable), nil
	case key.State != "Enabled":
		return finding("key-unavailable", "cannot be used: it is in state "+key.State, evidence, nothing, "see to it that the key becomes Enabled: import its material, or connect its key store"), nil
	case key.ARN != arn:
		return finding("key-other-arn", "has another ARN by itself", "kms:DescribeKey: "+key.ARN,
			"the documents of this installation name a key that is called otherwise", "set backend.managedCas.kmsKeyArn to "+key.ARN), nil
	}
	return nil, nil
}

// errOtherKey keeps other checks from a key that has to be replaced, or be brought to life.
var errOtherKey = errors.New("not looked at, for the key cannot be used as it is: see above")

// replaceable reports a key that no policy makes right.
func replaceable(key cloud.KeyState) bool {
	return key.Manager == "AWS" || key.Usage != "ENCRYPT_DECRYPT" || key.Spec != "SYMMETRIC_DEFAULT"
}

func keyRotation(o Observation) ([]Finding, error) {
	if o.KeyRotates.Err != nil {
		return nil, o.KeyRotates.Err
	}
	// KMS does not rotate a key that is going to be deleted, and says so.
	if key := o.Key; key.Err == nil && (replaceable(key.Value) || key.Value.State != "Enabled") {
		return nil, errOtherKey
	}
	if o.KeyRotates.Value {
		return nil, nil
	}
	arn := o.Installation.KMSKeyARN
	return []Finding{{
		Code: "key-rotation", Status: Warning,
		What:        fmt.Sprintf("KMS does not rotate key %s", arn),
		Evidence:    "kms:GetKeyRotationStatus: KeyRotationEnabled=false",
		Consequence: "all artifacts, for all time, depend on one generation of key material",
		Fix:         Fix{Text: "turn on yearly rotation; what is encrypted already stays readable", Commands: []string{"aws kms enable-key-rotation --key-id " + arn}},
	}}, nil
}
