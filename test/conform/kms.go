package conform

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// newKey makes a key. It is given up at the end: seven days later it is gone.
func newKey(t *testing.T, target Target) (arn string) {
	t.Helper()
	client := kms.NewFromConfig(target.Config)
	made := must(client.CreateKey(t.Context(), &kms.CreateKeyInput{Description: aws.String(target.name("key"))}))(t)
	target.cleanup(t, "key", func() error {
		return failure(client.ScheduleKeyDeletion(context.WithoutCancel(t.Context()), &kms.ScheduleKeyDeletionInput{
			KeyId: made.KeyMetadata.Arn, PendingWindowInDays: aws.Int32(7),
		}))
	})
	return *made.KeyMetadata.Arn
}

// keys: their life and who may not use them when
// (https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html;
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html).
func keys(t *testing.T, target Target) {
	client, key := kms.NewFromConfig(target.Config), newKey(t, target)
	state := func(want kmstypes.KeyState) {
		t.Helper()
		target.allowed(t, "DescribeKey", func() error {
			got, err := client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &key})
			if err == nil && got.KeyMetadata.KeyState != want {
				err = unexpectedList{[]string{string(got.KeyMetadata.KeyState)}, []string{string(want)}}
			}
			return err
		})
	}
	wrap := map[string]string{"org": "a"}
	generate := func() error {
		return failure(client.GenerateDataKey(t.Context(), &kms.GenerateDataKeyInput{KeyId: &key, KeySpec: kmstypes.DataKeySpecAes256, EncryptionContext: wrap}))
	}
	state(kmstypes.KeyStateEnabled)
	data := must(client.GenerateDataKey(t.Context(), &kms.GenerateDataKeyInput{KeyId: &key, KeySpec: kmstypes.DataKeySpecAes256, EncryptionContext: wrap}))(t)
	plain := must(client.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob, EncryptionContext: wrap}))(t)
	if string(plain.Plaintext) != string(data.Plaintext) || aws.ToString(plain.KeyId) != key {
		t.Errorf("decrypted to something else, by %s", aws.ToString(plain.KeyId))
	}
	target.refused(t, "decrypting in another context", 400, "InvalidCiphertextException", func() error {
		return failure(client.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob, EncryptionContext: map[string]string{"org": "b"}}))
	})

	must(client.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: &key}))(t)
	state(kmstypes.KeyStateDisabled)
	target.refused(t, "using a disabled key", 400, "DisabledException", generate)
	must(client.EnableKey(t.Context(), &kms.EnableKeyInput{KeyId: &key}))(t)
	target.allowed(t, "using it again", generate)

	schedule := func(days int32) func() error {
		return func() error {
			return failure(client.ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: &key, PendingWindowInDays: &days}))
		}
	}
	target.refused(t, "deleting it in six days", 400, "ValidationException", schedule(6))
	target.refused(t, "deleting it in 31", 400, "ValidationException", schedule(31))
	target.allowed(t, "deleting it in seven", schedule(7))
	state(kmstypes.KeyStatePendingDeletion)
	target.refused(t, "using a key that is to be deleted", 400, "KMSInvalidStateException", generate)
	target.refused(t, "deleting it twice", 400, "KMSInvalidStateException", schedule(7))
	must(client.CancelKeyDeletion(t.Context(), &kms.CancelKeyDeletionInput{KeyId: &key}))(t)
	state(kmstypes.KeyStateDisabled)

	target.refused(t, "no such key", 400, "NotFoundException", func() error {
		return failure(client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("00000000-0000-0000-0000-000000000000")}))
	})
	target.refused(t, "a policy that locks its author out", 400, "MalformedPolicyDocumentException", func() error {
		return failure(client.PutKeyPolicy(t.Context(), &kms.PutKeyPolicyInput{KeyId: &key, Policy: document(t, allow("*", "kms:Decrypt").to("arn:aws:iam::"+target.AccountID+":root"))}))
	})
	alias := "alias/" + target.name("key")
	create := func() error {
		return failure(client.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: &alias, TargetKeyId: &key}))
	}
	target.allowed(t, "an alias", create)
	target.refused(t, "the alias again", 400, "AlreadyExistsException", create)
	must(client.DeleteAlias(t.Context(), &kms.DeleteAliasInput{AliasName: &alias}))(t)
}

// objectsUnderKey: a bucket's default key is used unasked, and an object is no more
// available than its key
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html; facts
// AWS §6.1).
func objectsUnderKey(t *testing.T, target Target) {
	client, keeper := s3.NewFromConfig(target.Config), kms.NewFromConfig(target.Config)
	bucket, key := newBucket(t, target), newKey(t, target)
	encryptWith(t, target, bucket, key, true)
	put := func() error {
		out, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("data")})
		if err == nil && (out.ServerSideEncryption != types.ServerSideEncryptionAwsKms || aws.ToString(out.SSEKMSKeyId) != key || !aws.ToBool(out.BucketKeyEnabled)) {
			t.Errorf("stored with %s under %s, bucket key %v", out.ServerSideEncryption, aws.ToString(out.SSEKMSKeyId), aws.ToBool(out.BucketKeyEnabled))
		}
		return err
	}
	get := func() error {
		return failure(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("k")}))
	}
	target.allowed(t, "PUT", put)
	target.allowed(t, "GET", get)
	must(keeper.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: &key}))(t)
	target.refused(t, "PUT under a disabled key", 400, "KMS.DisabledException", put)
	target.refused(t, "GET under a disabled key", 400, "KMS.DisabledException", get)
	must(keeper.EnableKey(t.Context(), &kms.EnableKeyInput{KeyId: &key}))(t)
	target.allowed(t, "GET again", get)
}

// encryptWith makes key the bucket's default.
func encryptWith(t *testing.T, target Target, bucket, key string, bucketKey bool) {
	t.Helper()
	must(s3.NewFromConfig(target.Config).PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{
		Bucket: &bucket,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			BucketKeyEnabled:                   &bucketKey,
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &key},
		}}},
	}))(t)
}
