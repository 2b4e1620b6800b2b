package kmsapi_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html
func TestReEncrypt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	from, fromARN := w.createKey()
	to, toARN := w.createKey()
	before, after := object{"stage": "before"}, object{"stage": "after"}
	sealed := w.do(w.root, "Encrypt", object{"KeyId": from, "Plaintext": "AQID", "EncryptionContext": before}).object(t)["CiphertextBlob"]
	in := object{"CiphertextBlob": sealed, "SourceEncryptionContext": before, "DestinationKeyId": to, "DestinationEncryptionContext": after}
	out := w.do(w.root, "ReEncrypt", in).object(t)
	if out["SourceKeyId"] != fromARN || out["KeyId"] != toARN {
		t.Errorf("from %v to %v", out["SourceKeyId"], out["KeyId"])
	}
	back := w.do(w.root, "Decrypt", object{"CiphertextBlob": out["CiphertextBlob"], "KeyId": to, "EncryptionContext": after}).object(t)
	if back["Plaintext"] != "AQID" {
		t.Errorf("decrypted %v", back)
	}
	for name, change := range map[string]object{
		"InvalidCiphertextException": {"SourceEncryptionContext": after},
		"IncorrectKeyException":      {"SourceKeyId": to},
		"NotFoundException":          {"DestinationKeyId": "alias/none"},
		"ValidationException":        {"CiphertextBlob": ""},
	} {
		wrong := object{}
		for _, m := range []object{in, change} {
			for k, v := range m {
				wrong[k] = v
			}
		}
		w.do(w.root, "ReEncrypt", wrong).is(t, 400, name)
	}
}

// Each side takes its own permission, on its own key and with its own context.
func TestReEncryptPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	from, fromARN := w.createKey()
	to, toARN := w.createKey()
	sealed := w.do(w.root, "Encrypt", object{"KeyId": from, "Plaintext": "AQID"}).object(t)["CiphertextBlob"]
	allow := func(action, arn, condition string) string {
		return `{"Effect":"Allow","Action":"kms:` + action + `","Resource":"` + arn + `","Condition":` + condition + `}`
	}
	policy := func(statements ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	}
	other := `{"Bool":{"kms:ReEncryptOnSameKey":"false"}}`
	for name, row := range map[string]struct {
		policy string
		want   string
	}{
		"both":        {policy(allow("ReEncryptFrom", fromARN, other), allow("ReEncryptTo", toARN, other)), ""},
		"only from":   {policy(allow("ReEncryptFrom", fromARN, other)), "kms:ReEncryptTo"},
		"only to":     {policy(allow("ReEncryptTo", toARN, other)), "kms:ReEncryptFrom"},
		"crossed":     {policy(allow("ReEncryptFrom", toARN, other), allow("ReEncryptTo", fromARN, other)), "kms:ReEncryptFrom"},
		"on one key":  {policy(allow("ReEncrypt*", "*", `{"Bool":{"kms:ReEncryptOnSameKey":"true"}}`)), "kms:ReEncryptFrom"},
		"not Encrypt": {policy(allow("Decrypt", "*", other), allow("Encrypt", "*", other)), "kms:ReEncryptFrom"},
		"with destination context": {policy(allow("ReEncryptFrom", fromARN, `{"Null":{"kms:EncryptionContext:stage":"true"}}`),
			allow("ReEncryptTo", toARN, `{"StringEquals":{"kms:EncryptionContext:stage":"after"}}`)), ""},
	} {
		got := w.do(w.role(strings.ReplaceAll(name, " ", "-"), row.policy), "ReEncrypt", object{
			"CiphertextBlob": sealed, "DestinationKeyId": to, "DestinationEncryptionContext": object{"stage": "after"},
		})
		if row.want == "" {
			got.is(t, 200, "")
			continue
		}
		if got.is(t, 400, "AccessDeniedException"); !strings.Contains(got.Body, row.want) {
			t.Errorf("%s: %s, want %s", name, got.Body, row.want)
		}
	}
}

func TestGenerateRandom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain, err := base64.StdEncoding.DecodeString(w.do(w.root, "GenerateRandom", object{"NumberOfBytes": 1024}).object(t)["Plaintext"].(string))
	if err != nil || len(plain) != 1024 {
		t.Errorf("%d bytes, %v", len(plain), err)
	}
	for _, in := range []object{{}, {"NumberOfBytes": 0}, {"NumberOfBytes": 1025}} {
		w.do(w.root, "GenerateRandom", in).is(t, 400, "ValidationException")
	}
	w.do(w.role("nobody", nothing), "GenerateRandom", object{"NumberOfBytes": 1}).is(t, 400, "AccessDeniedException")
}

// An AWS alias that has no key yet gets one when it is described
// (https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html), by those who
// may describe it.
func TestDescribeMakesManagedKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listed := func() int { return len(w.do(w.root, "ListKeys", object{}).object(t)["Keys"].([]any)) }
	w.do(w.role("nobody", nothing), "DescribeKey", object{"KeyId": "alias/aws/s3"}).is(t, 400, "AccessDeniedException")
	w.do(w.root, "DescribeKey", object{"KeyId": "alias/aws/none"}).is(t, 400, "NotFoundException")
	w.do(w.root, "DescribeKey", object{"KeyId": "alias/s3"}).is(t, 400, "NotFoundException")
	if n := listed(); n != 0 {
		t.Errorf("%d keys came of refused requests", n)
	}
	for _, id := range []string{"alias/aws/s3", "arn:aws:kms:" + region + ":" + account + ":alias/aws/secretsmanager"} {
		meta := w.do(w.role(id[len(id)-2:], allKMS), "DescribeKey", object{"KeyId": id}).object(t)["KeyMetadata"].(object)
		again := w.do(w.root, "DescribeKey", object{"KeyId": id}).object(t)["KeyMetadata"].(object)
		if meta["KeyManager"] != "AWS" || meta["Arn"] != again["Arn"] {
			t.Errorf("described as %v, then as %v", meta, again)
		}
	}
	arn, err := w.svc.ManagedKey(t.Context(), "s3", viaS3)
	if n := listed(); err != nil || n != 2 {
		t.Errorf("%d keys, S3's is %s: %v", n, arn, err)
	}
}

// Source: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk
func TestManagedKey(t *testing.T) {
	t.Parallel()
	const viaSecrets = "secretsmanager." + region + ".amazonaws.com"
	w := newWorld(t)
	arn, err := w.svc.ManagedKey(t.Context(), "secretsmanager", viaSecrets)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.svc.ManagedKey(t.Context(), "secretsmanager", viaSecrets); err != nil || again != arn {
		t.Errorf("the key was %s, is %s (%v)", arn, again, err)
	}
	meta := w.do(w.root, "DescribeKey", object{"KeyId": "alias/aws/secretsmanager"}).object(t)["KeyMetadata"].(object)
	if meta["KeyManager"] != "AWS" || meta["Arn"] != arn {
		t.Errorf("described as %v", meta)
	}
	id := meta["KeyId"]
	for operation, in := range map[string]object{
		"PutKeyPolicy":         {"KeyId": id, "Policy": keyPolicy()},
		"ScheduleKeyDeletion":  {"KeyId": id},
		"DisableKey":           {"KeyId": id},
		"UpdateKeyDescription": {"KeyId": id, "Description": "mine"},
		"TagResource":          {"KeyId": id, "Tags": []object{{"TagKey": "a", "TagValue": "b"}}},
		"Encrypt":              {"KeyId": id, "Plaintext": "AQID"},
		"GenerateDataKey":      {"KeyId": id, "KeySpec": "AES_256"},
	} {
		w.do(w.role("R"+operation, allKMS), operation, in).is(t, 400, "AccessDeniedException")
		w.do(w.root, operation, in).is(t, 400, "AccessDeniedException")
	}
	w.do(w.root, "DeleteAlias", object{"AliasName": "alias/aws/secretsmanager"}).is(t, 400, "NotAuthorizedException")
	w.do(w.root, "UpdateAlias", object{"AliasName": "alias/aws/secretsmanager", "TargetKeyId": id}).is(t, 400, "NotAuthorizedException")

	// Anybody may use it through the service, unless a policy denies that.
	everything := w.role("nobody", nothing)
	denied := w.role("denied", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:*","Resource":"*"}]}`)
	for _, row := range []struct {
		caller *api.Caller
		via    string
		code   string
	}{
		{everything, viaSecrets, ""}, {everything, viaS3, "AccessDenied"}, {everything, "", "AccessDenied"}, {denied, viaSecrets, "AccessDenied"},
	} {
		_, _, err := w.svc.GenerateDataKey(t.Context(), row.caller, arn, nil, row.via)
		if code, message := via(err); code != row.code {
			t.Errorf("%s via %q: %s %s, want %q", row.caller.RoleName, row.via, code, message, row.code)
		}
	}
}
