// Package secretsapi emulates AWS Secrets Manager as far as an installation keeps its
// secrets there: versions with staging labels, resource policies, recovery windows, and
// encryption under a KMS key that the caller has to be allowed to use.
//
// Values are never stored in the clear: each version is sealed under a data key of its
// own, bound to the secret and the version, and opened with the caller's own right to
// decrypt
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html).
// Shapes, limits and errors are those of
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/.
package secretsapi

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// targetPrefix begins the X-Amz-Target header of every request.
const targetPrefix = "secretsmanager."

// maxBody bounds a request: a value of 64 KiB as JSON may escape every byte.
const maxBody = 512 << 10

// Keys encrypts for callers, each with the permissions of the caller.
type Keys interface {
	// ManagedKey returns the ARN of the AWS managed key of a service.
	ManagedKey(ctx context.Context, service, via string) (string, error)
	// KeyARN returns the ARN of the key that a key id, ARN or alias names.
	KeyARN(id string) (string, error)
	GenerateDataKey(ctx context.Context, caller *api.Caller, keyARN string, encryptionContext map[string]string, via string) (plaintext, ciphertext []byte, err error)
	Decrypt(ctx context.Context, caller *api.Caller, ciphertext []byte, encryptionContext map[string]string, via string) ([]byte, error)
}

// Config is what the service needs. All fields but Log are required.
type Config struct {
	DB         *state.DB
	AccountID  string
	Region     string
	Gate       gate.Authorizer
	Principals gate.Principals
	Keys       Keys
	Log        *slog.Logger
}

// Service is the emulated Secrets Manager. It is safe for concurrent use.
type Service struct {
	awsjson.Dispatch

	cfg       Config
	documents *gate.Documents // resource policies
}

var _ api.Emulated = (*Service)(nil)

// New returns the service over cfg and destroys the secrets whose recovery window has
// ended.
func New(cfg Config) (*Service, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, documents: gate.NewDocuments()}
	s.Dispatch = awsjson.Dispatch{
		Service: "secretsmanager", TargetPrefix: targetPrefix, MaxBody: maxBody,
		Handlers: s.implemented(), InOwnTerms: inOwnTerms, Log: cfg.Log,
	}
	if err := s.destroyDue(); err != nil {
		return nil, fmt.Errorf("destroying secrets that are due: %w", err)
	}
	return s, nil
}

func (s *Service) implemented() map[string]awsjson.Handler {
	return map[string]awsjson.Handler{
		"CreateSecret":   typed(s.createSecret),
		"DescribeSecret": typed(s.describeSecret),
		"UpdateSecret":   typed(s.updateSecret),
		"DeleteSecret":   typed(s.deleteSecret),
		"RestoreSecret":  typed(s.restoreSecret),
		"ListSecrets":    typed(s.listSecrets),

		"GetSecretValue":           typed(s.getSecretValue),
		"PutSecretValue":           typed(s.putSecretValue),
		"ListSecretVersionIds":     typed(s.listSecretVersionIDs),
		"UpdateSecretVersionStage": typed(s.updateSecretVersionStage),

		"PutResourcePolicy":    typed(s.putResourcePolicy),
		"GetResourcePolicy":    typed(s.getResourcePolicy),
		"DeleteResourcePolicy": typed(s.deleteResourcePolicy),

		"TagResource":   typed(s.tagResource),
		"UntagResource": typed(s.untagResource),
	}
}

// typed makes a handler of a function on decoded input.
func typed[In, Out any](fn func(context.Context, *api.Caller, In) (Out, error)) awsjson.Handler {
	return awsjson.Typed("secretsmanager", fn)
}
