package awscloud

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
)

// keyPolicyName is the only one that KMS has.
const keyPolicyName = "default"

// CreateKey creates a symmetric key with the policy that KMS gives to a key without
// one: the account's IAM decides.
func (c *Cloud) CreateKey(ctx context.Context, description string) (cloud.Key, error) {
	out, err := c.kms.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String(description)})
	if err != nil {
		return cloud.Key{}, failed(err, "creating a KMS key")
	}
	if out.KeyMetadata == nil {
		return cloud.Key{}, failed(errNoAnswer, "creating a KMS key")
	}
	return cloud.Key{ARN: aws.ToString(out.KeyMetadata.Arn), Enabled: out.KeyMetadata.Enabled}, nil
}

// Key reads a key by its ARN, or by an alias ("alias/…"). One that cannot be used
// has neither policy nor rotation in the answer.
func (c *Cloud) Key(ctx context.Context, id string) (cloud.Key, error) {
	out, err := c.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(id)})
	if err != nil {
		return cloud.Key{}, failed(err, "reading KMS key %s", id)
	}
	if out.KeyMetadata == nil {
		return cloud.Key{}, failed(errNoAnswer, "reading KMS key %s", id)
	}
	key := cloud.Key{
		ARN: aws.ToString(out.KeyMetadata.Arn), Enabled: out.KeyMetadata.Enabled,
		DeletionAt: aws.ToTime(out.KeyMetadata.DeletionDate),
	}
	if !key.Enabled {
		return key, nil
	}
	if key.Policy, err = c.KeyPolicy(ctx, key.ARN); err != nil {
		return cloud.Key{}, err
	}
	if key.Rotates, err = c.KeyRotates(ctx, key.ARN); err != nil {
		return cloud.Key{}, err
	}
	return key, nil
}

// KeyState reads what a key is and whether it can be used, by its ARN, its id or an alias.
func (c *Cloud) KeyState(ctx context.Context, id string) (cloud.KeyState, error) {
	out, err := c.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(id)})
	if err != nil {
		return cloud.KeyState{}, failed(err, "reading KMS key %s", id)
	}
	key := out.KeyMetadata
	if key == nil {
		return cloud.KeyState{}, failed(errNoAnswer, "reading KMS key %s", id)
	}
	return cloud.KeyState{
		ARN: aws.ToString(key.Arn), State: string(key.KeyState), Manager: string(key.KeyManager),
		Spec: string(key.KeySpec), Usage: string(key.KeyUsage), DeletionDate: aws.ToTime(key.DeletionDate),
	}, nil
}

// AliasKey points a new alias ("alias/…") at a key.
func (c *Cloud) AliasKey(ctx context.Context, alias, keyARN string) error {
	_, err := c.kms.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String(alias), TargetKeyId: aws.String(keyARN)})
	return failed(err, "creating KMS alias %s", alias)
}

// KeyPolicy reads the policy of a key.
func (c *Cloud) KeyPolicy(ctx context.Context, keyARN string) ([]byte, error) {
	out, err := c.kms.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: aws.String(keyARN), PolicyName: aws.String(keyPolicyName)})
	if err != nil {
		return nil, failed(err, "reading the policy of KMS key %s", keyARN)
	}
	return []byte(aws.ToString(out.Policy)), nil
}

// PutKeyPolicy replaces the policy of a key. KMS refuses a policy that would lock
// the caller out, and one whose principals it does not know (yet).
func (c *Cloud) PutKeyPolicy(ctx context.Context, keyARN string, policy *iam.Document) error {
	text, err := json.Marshal(policy)
	if err != nil {
		return failed(err, "writing the policy of KMS key %s", keyARN)
	}
	_, err = c.kms.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{
		KeyId: aws.String(keyARN), PolicyName: aws.String(keyPolicyName), Policy: aws.String(string(text)),
	})
	return failed(err, "replacing the policy of KMS key %s", keyARN)
}

// KeyRotates reads whether KMS rotates the key every year.
func (c *Cloud) KeyRotates(ctx context.Context, keyARN string) (bool, error) {
	out, err := c.kms.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: aws.String(keyARN)})
	if err != nil {
		return false, failed(err, "reading the rotation of KMS key %s", keyARN)
	}
	return out.KeyRotationEnabled, nil
}

// RotateKey has KMS rotate the key every year.
func (c *Cloud) RotateKey(ctx context.Context, keyARN string) error {
	_, err := c.kms.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: aws.String(keyARN)})
	return failed(err, "turning rotation of KMS key %s on", keyARN)
}
