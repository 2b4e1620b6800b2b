package kmsapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// client returns AWS's own client of the service. Signatures are not checked here;
// that is the frame's work.
func (w *world) client() *sdk.Client {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		req := &api.Request{ID: "REQ", Service: "kms", Operation: w.svc.Operation(r), Caller: w.root, Region: region, Body: r.Body}
		if err := w.svc.Serve(rw, r.WithContext(api.WithRequest(r.Context(), req)), req); err != nil {
			aerr, ok := errors.AsType[*api.Error](err)
			if !ok {
				w.t.Errorf("%s: %v", req.Operation, err)
				aerr = api.Errorf(http.StatusInternalServerError, "KMSInternalException", "%v", err)
			}
			w.svc.WriteError(rw, r, req.ID, aerr)
		}
	}))
	w.t.Cleanup(server.Close)
	return sdk.New(sdk.Options{
		Region:       region,
		BaseEndpoint: aws.String(server.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient:   server.Client(),
		Retryer:      aws.NopRetryer{},
	})
}

// AWS's own client understands every answer.
func TestSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.client(), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	made, err := c.CreateKey(ctx, &sdk.CreateKeyInput{
		Description: aws.String("d"), KeySpec: types.KeySpecSymmetricDefault, KeyUsage: types.KeyUsageTypeEncryptDecrypt,
		Tags: []types.Tag{{TagKey: aws.String("k"), TagValue: aws.String("v")}},
	})
	must(err)
	id := made.KeyMetadata.KeyId
	if made.KeyMetadata.CreationDate == nil || made.KeyMetadata.KeyState != types.KeyStateEnabled {
		t.Errorf("CreateKey: %+v", made.KeyMetadata)
	}
	_, err = c.EnableKeyRotation(ctx, &sdk.EnableKeyRotationInput{KeyId: id, RotationPeriodInDays: aws.Int32(90)})
	must(err)
	rotation, err := c.GetKeyRotationStatus(ctx, &sdk.GetKeyRotationStatusInput{KeyId: id})
	must(err)
	if !rotation.KeyRotationEnabled || rotation.NextRotationDate == nil {
		t.Errorf("rotation: %+v", rotation)
	}
	policy, err := c.GetKeyPolicy(ctx, &sdk.GetKeyPolicyInput{KeyId: id})
	must(err)
	_, err = c.PutKeyPolicy(ctx, &sdk.PutKeyPolicyInput{KeyId: id, Policy: policy.Policy})
	must(err)
	names, err := c.ListKeyPolicies(ctx, &sdk.ListKeyPoliciesInput{KeyId: id})
	must(err)
	if len(names.PolicyNames) != 1 || names.PolicyNames[0] != "default" {
		t.Errorf("policies: %v", names.PolicyNames)
	}
	_, err = c.CreateAlias(ctx, &sdk.CreateAliasInput{AliasName: aws.String("alias/a"), TargetKeyId: id})
	must(err)
	aliases, err := c.ListAliases(ctx, &sdk.ListAliasesInput{KeyId: id})
	must(err)
	if len(aliases.Aliases) != 1 || aliases.Aliases[0].CreationDate == nil {
		t.Errorf("aliases: %+v", aliases.Aliases)
	}
	keys, err := c.ListKeys(ctx, &sdk.ListKeysInput{Limit: aws.Int32(1)})
	must(err)
	tags, err := c.ListResourceTags(ctx, &sdk.ListResourceTagsInput{KeyId: id})
	must(err)
	if len(keys.Keys) != 1 || len(tags.Tags) != 1 {
		t.Errorf("keys %+v, tags %+v", keys.Keys, tags.Tags)
	}
	context := map[string]string{"aws:s3:arn": "arn:aws:s3:::b"}
	data, err := c.GenerateDataKey(ctx, &sdk.GenerateDataKeyInput{KeyId: aws.String("alias/a"), KeySpec: types.DataKeySpecAes256, EncryptionContext: context})
	must(err)
	plain, err := c.Decrypt(ctx, &sdk.DecryptInput{CiphertextBlob: data.CiphertextBlob, EncryptionContext: context})
	must(err)
	if string(plain.Plaintext) != string(data.Plaintext) || len(plain.Plaintext) != 32 {
		t.Error("the data key does not decrypt to itself")
	}
	_, err = c.Decrypt(ctx, &sdk.DecryptInput{CiphertextBlob: data.CiphertextBlob})
	if _, ok := errors.AsType[*types.InvalidCiphertextException](err); !ok {
		t.Errorf("error as the SDK reads it: %v", err)
	}
	scheduled, err := c.ScheduleKeyDeletion(ctx, &sdk.ScheduleKeyDeletionInput{KeyId: id})
	must(err)
	if scheduled.DeletionDate == nil || aws.ToInt32(scheduled.PendingWindowInDays) != 30 {
		t.Errorf("scheduled: %+v", scheduled)
	}
}
