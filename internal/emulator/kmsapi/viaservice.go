package kmsapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// The methods of this file are for the emulated S3, which asks KMS on behalf of its
// callers: their identity and session policies decide, with kms:ViaService set to
// via ("s3.REGION.amazonaws.com"). Their errors are those that a client of S3 sees:
// AccessDenied with the KMS action in the message, KMS.DisabledException,
// KMS.KMSInvalidStateException, KMS.NotFoundException (facts AWS §6.1).

// GenerateDataKey returns a new 256-bit data key in the clear and encrypted under
// the key keyARN (a key id or alias will do). The caller needs kms:GenerateDataKey.
func (s *Service) GenerateDataKey(ctx context.Context, caller *api.Caller, keyARN string, encryptionContext map[string]string, via string) (plaintext, ciphertext []byte, err error) {
	u := use{action: "kms:GenerateDataKey", context: encryptionContext, via: via}
	_, plaintext, ciphertext, err = s.newDataKey(ctx, caller, keyARN, materialSize, u)
	return plaintext, ciphertext, asS3Shows(err)
}

// Decrypt returns what GenerateDataKey encrypted; encryptionContext must be the same
// as then. The caller needs kms:Decrypt.
func (s *Service) Decrypt(ctx context.Context, caller *api.Caller, ciphertext []byte, encryptionContext map[string]string, via string) ([]byte, error) {
	u := use{action: "kms:Decrypt", context: encryptionContext, via: via}
	_, plaintext, err := s.opened(ctx, caller, ciphertext, "", u)
	return plaintext, asS3Shows(err)
}

// KeyARN returns the ARN of the key that id names: a key id, key ARN, alias name or
// alias ARN. It authorizes nothing: S3 reports the ARN to those whose use of the
// key was allowed.
func (s *Service) KeyARN(id string) (string, error) {
	f, err := s.load(id)
	if err != nil {
		return "", asS3Shows(err)
	}
	return s.keyARN(f.ID), nil
}
