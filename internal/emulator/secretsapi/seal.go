package secretsapi

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// maxValue is the longest value in bytes.
const maxValue = 65536

// value is what a version holds: a text or bytes.
type value struct {
	bytes  []byte
	binary bool
}

// readValue is the value of a request, or nil when it has none.
func readValue(text *string, binary []byte) (*value, error) {
	switch {
	case text != nil && binary != nil:
		return nil, invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	case text == nil && binary == nil:
		return nil, nil
	case text != nil:
		return checked(&value{bytes: []byte(*text)})
	default:
		return checked(&value{bytes: binary, binary: true})
	}
}

func checked(v *value) (*value, error) {
	if n := len(v.bytes); n < 1 || n > maxValue {
		return nil, invalidParameter("a secret value must have 1 to %d bytes", maxValue)
	}
	return v, nil
}

func (v *value) equal(other *value) bool {
	return v.binary == other.binary && bytes.Equal(v.bytes, other.bytes)
}

// via is how KMS and its policies see this service.
func (s *Service) via() string { return "secretsmanager." + s.cfg.Region + ".amazonaws.com" }

// encryptionContext binds a data key to a version of a secret
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html#security-encryption-encryption-context).
func encryptionContext(arn, versionID string) map[string]string {
	return map[string]string{"SecretARN": arn, "SecretVersionId": versionID}
}

// keyARN is the key that keyID stands for; empty is the AWS managed key.
func (s *Service) keyARN(ctx context.Context, keyID string) (string, error) {
	if keyID == "" {
		return s.cfg.Keys.ManagedKey(ctx, "secretsmanager", s.via())
	}
	arn, err := s.cfg.Keys.KeyARN(keyID)
	return arn, ofKMS(err, "EncryptionFailure", "encrypt")
}

// namedKey is the ARN of the key that a request names, for conditions; empty for none.
func (s *Service) namedKey(keyID string) string {
	if keyID == "" {
		return ""
	}
	arn, err := s.cfg.Keys.KeyARN(keyID)
	if err != nil {
		return "" // refused when the key is to be used
	}
	return arn
}

// seal encrypts a value for a version under the key keyID. The caller must be allowed to
// use the key both ways: AWS does not store what its writer could not read.
func (s *Service) seal(ctx context.Context, caller *api.Caller, keyID, arn, versionID string, v *value) (sealed, error) {
	key, err := s.keyARN(ctx, keyID)
	if err != nil {
		return sealed{}, err
	}
	binding := encryptionContext(arn, versionID)
	plain, encrypted, err := s.cfg.Keys.GenerateDataKey(ctx, caller, key, binding, s.via())
	if err != nil {
		return sealed{}, ofKMS(err, "EncryptionFailure", "encrypt")
	}
	if _, err := s.cfg.Keys.Decrypt(ctx, caller, encrypted, binding, s.via()); err != nil {
		return sealed{}, ofKMS(err, "DecryptionFailure", "decrypt")
	}
	aead, err := newAEAD(plain)
	if err != nil {
		return sealed{}, err
	}
	ciphertext := aead.Seal(nil, nil, v.bytes, []byte(valueKey(arn, versionID)))
	return sealed{DataKey: encrypted, Ciphertext: ciphertext, Binary: v.binary}, nil
}

// open decrypts the value of a version with the caller's permissions.
func (s *Service) open(ctx context.Context, caller *api.Caller, arn, versionID string) (*value, error) {
	var stored sealed
	err := s.cfg.DB.View(func(tx state.Tx) (err error) {
		stored, err = values.Get(tx, valueKey(arn, versionID))
		return err
	})
	if errors.Is(err, state.ErrNotFound) {
		return nil, noValue("VersionId", versionID)
	}
	if err != nil {
		return nil, err
	}
	plain, err := s.cfg.Keys.Decrypt(ctx, caller, stored.DataKey, encryptionContext(arn, versionID), s.via())
	if err != nil {
		return nil, ofKMS(err, "DecryptionFailure", "decrypt")
	}
	aead, err := newAEAD(plain)
	if err != nil {
		return nil, err
	}
	opened, err := aead.Open(nil, nil, stored.Ciphertext, []byte(valueKey(arn, versionID)))
	if err != nil {
		return nil, fmt.Errorf("open version %s of %s: %w", versionID, arn, err)
	}
	return &value{bytes: opened, binary: stored.Binary}, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
