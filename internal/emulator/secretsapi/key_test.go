package secretsapi_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// keyWith makes a KMS key that root may use, and who else the statements say.
func (w *world) keyWith(statements ...string) (id string) {
	w.t.Helper()
	own := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"kms:*","Resource":"*",
		"Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::` + account + `:root"}}}`
	policy := `{"Version":"2012-10-17","Statement":[` + strings.Join(append([]string{own}, statements...), ",") + `]}`
	var out struct{ KeyMetadata struct{ KeyId string } }
	w.kmsCall("CreateKey", map[string]any{"Policy": policy}, &out)
	return out.KeyMetadata.KeyId
}

// kmsCall asks KMS as root.
func (w *world) kmsCall(operation string, in, out any) {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), "POST", "http://localhost/", nil)
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	rec := httptest.NewRecorder()
	req := &api.Request{Service: "kms", Operation: operation, Caller: w.root, Region: region, Body: strings.NewReader(string(body))}
	if err := w.kms.Serve(rec, r.WithContext(api.WithRequest(r.Context(), req)), req); err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
		w.t.Fatal(err)
	}
}

// What the caller of Secrets Manager needs of a customer managed key.
// Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
func TestCustomerManagedKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	caller := w.role("app", allow("secretsmanager:*", "*"))
	c, ctx := w.as(caller), t.Context()
	grant := func(actions, condition string) string {
		return `{"Effect":"Allow","Principal":{"AWS":"` + caller.RoleARN + `"},"Action":` + actions + `,"Resource":"*","Condition":` + condition + `}`
	}
	through := `{"StringEquals":{"kms:ViaService":"` + viaThis + `"}}`
	for name, row := range map[string]struct {
		statements []string
		code       string
	}{
		"both through the service": {[]string{grant(`["kms:GenerateDataKey","kms:Decrypt"]`, through)}, ""},
		"context of the secret": {[]string{grant(`["kms:GenerateDataKey","kms:Decrypt"]`,
			`{"StringLike":{"kms:EncryptionContext:SecretARN":"`+arnPrefix+`*"},"Null":{"kms:EncryptionContext:SecretVersionId":"false"}}`)}, ""},
		"only writing":    {[]string{grant(`"kms:GenerateDataKey"`, through)}, "AccessDeniedException"},
		"only reading":    {[]string{grant(`"kms:Decrypt"`, through)}, "AccessDeniedException"},
		"nothing":         {nil, "AccessDeniedException"},
		"another service": {[]string{grant(`"kms:*"`, `{"StringEquals":{"kms:ViaService":"s3.`+region+`.amazonaws.com"}}`)}, "AccessDeniedException"},
		"another secret":  {[]string{grant(`"kms:*"`, `{"StringLike":{"kms:EncryptionContext:SecretARN":"`+arnPrefix+`other-*"}}`)}, "AccessDeniedException"},
	} {
		id, secret := w.keyWith(row.statements...), strings.ReplaceAll(name, " ", "-")
		_, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: &secret, SecretString: aws.String("v"), KmsKeyId: &id})
		if code(err) != row.code || err != nil && !strings.Contains(err.Error(), "Access to KMS is not allowed") {
			t.Errorf("%s: got %v, want %q", name, err, row.code)
		}
		if err != nil {
			continue
		}
		if got := read(t, c, sdk.GetSecretValueInput{SecretId: &secret}); got != "v" {
			t.Errorf("%s: read %q", name, got)
		}
		described, err := c.DescribeSecret(ctx, &sdk.DescribeSecretInput{SecretId: &secret})
		if err != nil || aws.ToString(described.KmsKeyId) != id {
			t.Errorf("%s: key %q, %v", name, aws.ToString(described.KmsKeyId), err)
		}
	}
}

// The default key needs no permission of its own, as it does not on AWS; an explicit
// Deny still binds.
func TestManagedKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.as(w.role("app", allow("secretsmanager:*", "*")))
	arn := create(t, c, "s", "v")
	described, err := c.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: &arn})
	if err != nil || described.KmsKeyId != nil {
		t.Errorf("key %v, %v: the default key is not shown", described.KmsKeyId, err)
	}
	denied := w.as(w.role("denied", `{"Version":"2012-10-17","Statement":[`+statement("secretsmanager:*", "*")+`,{"Effect":"Deny","Action":"kms:Decrypt","Resource":"*"}]}`))
	_, err = denied.GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &arn})
	expect(t, err, "AccessDeniedException")
}

func TestKeyThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.as(w.root), t.Context()
	id := w.keyWith()
	_, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("s"), SecretString: aws.String("v"), KmsKeyId: &id})
	expect(t, err, "")
	w.kmsCall("DisableKey", map[string]any{"KeyId": id}, &struct{}{})
	_, err = c.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: aws.String("s")})
	expect(t, err, "DecryptionFailure")
	_, err = c.PutSecretValue(ctx, &sdk.PutSecretValueInput{SecretId: aws.String("s"), SecretString: aws.String("w")})
	expect(t, err, "EncryptionFailure")
	_, err = c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("x"), KmsKeyId: aws.String("alias/none")})
	expect(t, err, "EncryptionFailure")
}

// A new key takes over what has labels: afterwards the old one is not needed.
func TestChangeOfKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.as(w.root), t.Context()
	create(t, c, "s", "one")
	put(t, c, version(2), "two")
	first, second := w.keyWith(), w.keyWith()
	for _, id := range []string{first, second} {
		_, err := c.UpdateSecret(ctx, &sdk.UpdateSecretInput{SecretId: aws.String("s"), KmsKeyId: &id, Description: aws.String("under " + id)})
		expect(t, err, "")
	}
	w.kmsCall("DisableKey", map[string]any{"KeyId": first}, &struct{}{})
	for stage, want := range map[string]string{"AWSPREVIOUS": "one", "AWSCURRENT": "two"} {
		if got := read(t, c, sdk.GetSecretValueInput{SecretId: aws.String("s"), VersionStage: &stage}); got != want {
			t.Errorf("%s is %q", stage, got)
		}
	}
	_, err := c.UpdateSecret(ctx, &sdk.UpdateSecretInput{SecretId: aws.String("s"), SecretString: aws.String("three")})
	expect(t, err, "")
	w.kmsCall("DisableKey", map[string]any{"KeyId": second}, &struct{}{})
	_, err = c.UpdateSecret(ctx, &sdk.UpdateSecretInput{SecretId: aws.String("s"), KmsKeyId: aws.String("")})
	expect(t, err, "DecryptionFailure")
}
