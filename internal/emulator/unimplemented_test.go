package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// What is not implemented is refused by its name, whoever asks (DESIGN I9).
func TestUnimplementedOperations(t *testing.T) {
	t.Parallel()
	_, _, cfg := start(t)
	ctx := t.Context()
	identity, tokens, secrets := iam.NewFromConfig(cfg), sts.NewFromConfig(cfg), secretsmanager.NewFromConfig(cfg)
	calls := map[string]func() error{
		"sts:GetSessionToken": func() error { _, err := tokens.GetSessionToken(ctx, nil); return err },
		"sts:GetFederationToken": func() error {
			_, err := tokens.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("someone")})
			return err
		},
		"sts:DecodeAuthorizationMessage": func() error {
			_, err := tokens.DecodeAuthorizationMessage(ctx, &sts.DecodeAuthorizationMessageInput{EncodedMessage: aws.String("x")})
			return err
		},
		"sts:GetAccessKeyInfo": func() error {
			_, err := tokens.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE")})
			return err
		},
		"iam:GetAccountAuthorizationDetails": func() error { _, err := identity.GetAccountAuthorizationDetails(ctx, nil); return err },
		"iam:CreateGroup": func() error {
			_, err := identity.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("admins")})
			return err
		},
		"secretsmanager:GetRandomPassword": func() error { _, err := secrets.GetRandomPassword(ctx, nil); return err },
		"secretsmanager:RotateSecret": func() error {
			_, err := secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: aws.String("s")})
			return err
		},
	}
	for name, call := range calls {
		if err := call(); code(err) != "NotImplemented" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
