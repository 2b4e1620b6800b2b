package secretsapi_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// operations are one request of each kind about the secret id.
func operations(id string) map[string]func(context.Context, *sdk.Client) error {
	text := aws.String("x")
	return map[string]func(context.Context, *sdk.Client) error{
		"DescribeSecret": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.DescribeSecret(ctx, &sdk.DescribeSecretInput{SecretId: &id})
			return err
		},
		"GetSecretValue": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: &id})
			return err
		},
		"PutSecretValue": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.PutSecretValue(ctx, &sdk.PutSecretValueInput{SecretId: &id, SecretString: text})
			return err
		},
		"UpdateSecret": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.UpdateSecret(ctx, &sdk.UpdateSecretInput{SecretId: &id, Description: text})
			return err
		},
		"UpdateSecretVersionStage": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.UpdateSecretVersionStage(ctx, &sdk.UpdateSecretVersionStageInput{SecretId: &id, VersionStage: text})
			return err
		},
		"ListSecretVersionIds": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.ListSecretVersionIds(ctx, &sdk.ListSecretVersionIdsInput{SecretId: &id})
			return err
		},
		"TagResource": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.TagResource(ctx, &sdk.TagResourceInput{SecretId: &id, Tags: []types.Tag{{Key: text, Value: text}}})
			return err
		},
		"UntagResource": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.UntagResource(ctx, &sdk.UntagResourceInput{SecretId: &id, TagKeys: []string{"x"}})
			return err
		},
		"PutResourcePolicy": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.PutResourcePolicy(ctx, &sdk.PutResourcePolicyInput{SecretId: &id, ResourcePolicy: text})
			return err
		},
		"GetResourcePolicy": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.GetResourcePolicy(ctx, &sdk.GetResourcePolicyInput{SecretId: &id})
			return err
		},
		"DeleteResourcePolicy": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.DeleteResourcePolicy(ctx, &sdk.DeleteResourcePolicyInput{SecretId: &id})
			return err
		},
		"DeleteSecret": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: &id})
			return err
		},
		"RestoreSecret": func(ctx context.Context, c *sdk.Client) error {
			_, err := c.RestoreSecret(ctx, &sdk.RestoreSecretInput{SecretId: &id})
			return err
		},
	}
}

// Every operation is authorized by its own action on the secret's ARN, before anything
// is said about the secret.
// Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
func TestEveryOperationIsAuthorized(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arn := create(t, w.as(w.root), "s", "v")
	nobody := w.as(w.role("nobody", allow("secretsmanager:ListSecrets", arn)))
	scoped := w.as(w.role("scoped", `{"Version":"2012-10-17","Statement":[`+
		statement("secretsmanager:*", arnPrefix+"s-??????")+`,`+statement("secretsmanager:*", arnPrefix+"none-??????")+`]}`))
	for name, call := range operations("s") {
		err := call(t.Context(), nobody)
		want := "is not authorized to perform: secretsmanager:" + name + " on resource: " + arn + " because no identity-based policy allows"
		if code(err) != "AccessDeniedException" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Whether a secret exists is told only to those who may do it to any.
	for name, call := range operations("none") {
		if err := call(t.Context(), scoped); code(err) != "AccessDeniedException" {
			t.Errorf("%s of a secret that does not exist: %v", name, err)
		}
		if err := call(t.Context(), w.as(w.root)); code(err) != "ResourceNotFoundException" {
			t.Errorf("%s of a secret that does not exist, as root: %v", name, err)
		}
	}
	_, err := nobody.ListSecrets(t.Context(), &sdk.ListSecretsInput{}) // has no resource type
	expect(t, err, "AccessDeniedException")
	_, err = nobody.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("x")})
	expect(t, err, "AccessDeniedException")
	if got := read(t, scoped, sdk.GetSecretValueInput{SecretId: aws.String("s")}); got != "v" {
		t.Errorf("read %q", got)
	}
}

// Source: as above, the condition keys.
func TestConditionKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	arn := create(t, w.as(w.root), "s", "v")
	_, err := w.as(w.root).TagResource(ctx, &sdk.TagResourceInput{SecretId: &arn, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}})
	expect(t, err, "")
	_, err = w.as(w.root).CreateSecret(ctx, &sdk.CreateSecretInput{Name: aws.String("other")})
	expect(t, err, "")
	get := func(in sdk.GetSecretValueInput) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			if in.SecretId == nil {
				in.SecretId = aws.String("s")
			}
			_, err := c.GetSecretValue(ctx, &in)
			return err
		}
	}
	remove := func(in sdk.DeleteSecretInput) func(*sdk.Client) error {
		return func(c *sdk.Client) error {
			in.SecretId = aws.String("other")
			_, err := c.DeleteSecret(ctx, &in)
			return err
		}
	}
	newSecret := func(in sdk.CreateSecretInput) func(*sdk.Client) error {
		return func(c *sdk.Client) error { _, err := c.CreateSecret(ctx, &in); return err }
	}
	for name, row := range map[string]struct {
		condition string
		allowed   func(*sdk.Client) error
		denied    func(*sdk.Client) error
	}{
		"id":           {`{"StringEquals":{"secretsmanager:SecretId":"` + arn + `"}}`, get(sdk.GetSecretValueInput{}), get(sdk.GetSecretValueInput{SecretId: aws.String("other")})},
		"tag":          {`{"StringEquals":{"aws:ResourceTag/team":"blue"}}`, get(sdk.GetSecretValueInput{}), get(sdk.GetSecretValueInput{SecretId: aws.String("other")})},
		"own tag":      {`{"StringEquals":{"secretsmanager:ResourceTag/team":"blue"}}`, get(sdk.GetSecretValueInput{}), get(sdk.GetSecretValueInput{SecretId: aws.String("other")})},
		"stage":        {`{"StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}`, get(sdk.GetSecretValueInput{VersionStage: aws.String("AWSCURRENT")}), get(sdk.GetSecretValueInput{VersionStage: aws.String("AWSPREVIOUS")})},
		"name":         {`{"StringLike":{"secretsmanager:Name":"mine/*"}}`, newSecret(sdk.CreateSecretInput{Name: aws.String("mine/1")}), newSecret(sdk.CreateSecretInput{Name: aws.String("yours/1")})},
		"request tag":  {`{"StringEquals":{"aws:RequestTag/a":"b"}}`, newSecret(sdk.CreateSecretInput{Name: aws.String("tagged"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}), newSecret(sdk.CreateSecretInput{Name: aws.String("bare")})},
		"a gentle end": {`{"Bool":{"secretsmanager:ForceDeleteWithoutRecovery":"false"}}`, remove(sdk.DeleteSecretInput{}), remove(sdk.DeleteSecretInput{ForceDeleteWithoutRecovery: aws.Bool(true)})},
	} {
		c := w.as(w.role("R"+strings.ReplaceAll(name, " ", ""), `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*","Condition":`+row.condition+`}]}`))
		if err := row.denied(c); code(err) != "AccessDeniedException" {
			t.Errorf("%s: %v, want a denial", name, err)
		}
		if err := row.allowed(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A tag at creation takes the permission to tag as well.
func TestTaggingAtCreation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := &sdk.CreateSecretInput{Name: aws.String("s"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}
	_, err := w.as(w.role("creator", allow("secretsmanager:CreateSecret", "*"))).CreateSecret(t.Context(), in)
	if code(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "secretsmanager:TagResource") {
		t.Errorf("got %v", err)
	}
}

func TestResourcePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root, ctx := w.as(w.root), t.Context()
	arn := create(t, root, "s", "v")
	reader := w.role("reader", allow("none:*", "*"))
	guest := w.as(reader)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + reader.RoleARN + `"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`
	set := func(policy string, block bool) error {
		_, err := root.PutResourcePolicy(ctx, &sdk.PutResourcePolicyInput{SecretId: &arn, ResourcePolicy: &policy, BlockPublicPolicy: &block})
		return err
	}
	_, err := guest.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: &arn})
	expect(t, err, "AccessDeniedException")
	expect(t, set(policy, true), "")
	if got := read(t, guest, sdk.GetSecretValueInput{SecretId: &arn}); got != "v" {
		t.Errorf("read %q", got)
	}
	got, err := root.GetResourcePolicy(ctx, &sdk.GetResourcePolicyInput{SecretId: &arn})
	if err != nil || !strings.Contains(aws.ToString(got.ResourcePolicy), reader.RoleARN) {
		t.Errorf("the policy is %v, %v", got, err)
	}
	everybody := strings.Replace(policy, `{"AWS":"`+reader.RoleARN+`"}`, `"*"`, 1)
	expect(t, set(everybody, true), "PublicPolicyException")
	expect(t, set(strings.Replace(policy, "role/reader", "role/nobody", 1), false), "MalformedPolicyDocumentException")
	expect(t, set(`{}`, false), "MalformedPolicyDocumentException")
	expect(t, set(strings.Repeat(" ", 20481), false), "InvalidParameterException")
	expect(t, set(strings.Replace(everybody, "Allow", "Deny", 1), false), "")
	_, err = root.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: &arn})
	expect(t, err, "AccessDeniedException") // a Deny binds root, too
	_, err = root.DeleteResourcePolicy(ctx, &sdk.DeleteResourcePolicyInput{SecretId: &arn})
	expect(t, err, "")
	_, err = guest.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: &arn})
	expect(t, err, "AccessDeniedException")
}

// A session policy without secretsmanager actions hides every secret.
func TestSessionPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arn := create(t, w.as(w.root), "s", "v")
	caller := *w.role("wide", allow("secretsmanager:*", "*"))
	caller.SessionPolicyPassed, caller.InlineSessionPolicy = true, allow("s3:*", "*")
	_, err := w.as(&caller).GetSecretValue(t.Context(), &sdk.GetSecretValueInput{SecretId: &arn})
	if code(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "no session policy allows") {
		t.Errorf("got %v", err)
	}
}
