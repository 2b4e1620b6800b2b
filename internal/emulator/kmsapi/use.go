package kmsapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// maxContext is the limit of an encryption context in characters
// (https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html).
const maxContext = 8192

// use is one cryptographic use of a key on behalf of a caller.
type use struct {
	action  string // "kms:Decrypt"
	context map[string]string
	via     string // the service that asks for the caller, "s3.REGION.amazonaws.com"; empty for direct calls
	sameKey string // "true" or "false", for ReEncrypt alone: whether both keys are one
}

// check refuses contexts that conditions could misread: condition keys do not
// distinguish case, so two names that differ in case alone would be one key.
func (u use) check() error {
	total, seen := 0, map[string]bool{}
	for k, v := range u.context {
		total += len(k) + len(v)
		folded := strings.ToLower(k)
		if k == "" || seen[folded] {
			return invalid("the encryption context has an empty name, or two names that differ only in case")
		}
		seen[folded] = true
	}
	if total > maxContext {
		return invalid("the encryption context is longer than %d characters", maxContext)
	}
	return nil
}

// conditions fills in the condition keys of the use.
func (u use) conditions(c iam.Context) {
	if u.via != "" {
		c.Set("kms:ViaService", u.via)
		c.Set("aws:ViaAWSService", "true") // a forward access session, which the gate cannot see
	}
	if u.sameKey != "" {
		c.Set("kms:ReEncryptOnSameKey", u.sameKey)
	}
	for k, v := range u.context {
		c.Set("kms:EncryptionContext:"+k, v)
	}
	c.Set("kms:EncryptionContextKeys", slices.Sorted(maps.Keys(u.context))...)
	c.Set("kms:EncryptionAlgorithm", symmetric)
}

// unlock authorizes the use of f and returns its material. Permission is judged
// before the key's state, so that a stranger learns nothing of the state.
func (s *Service) unlock(ctx context.Context, caller *api.Caller, f found, u use) (bytes []byte, err error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	if err := s.authorizeKey(ctx, caller, u.action, f, u.conditions); err != nil {
		return nil, err
	}
	if err := s.usable(&f.key); err != nil {
		return nil, err
	}
	err = s.material.View(func(tx state.Tx) (err error) {
		bytes, err = material.Get(tx, f.ID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the material of key %s: %w", f.ID, err)
	}
	return bytes, nil
}

// sealNew encrypts plaintext under the key that id names.
func (s *Service) sealNew(ctx context.Context, caller *api.Caller, id string, plaintext []byte, u use) (found, []byte, error) {
	f, err := s.load(id)
	if code(err) == "AccessDenied" {
		return f, nil, notYours(caller, u.action, id)
	}
	if err != nil {
		return f, nil, err
	}
	bytes, err := s.unlock(ctx, caller, f, u)
	if err != nil {
		return f, nil, err
	}
	ciphertext, err := seal(bytes, f.ID, plaintext, u.context)
	if err != nil {
		return f, nil, fmt.Errorf("encrypting under key %s: %w", f.ID, err)
	}
	return f, ciphertext, nil
}

// newDataKey makes size random bytes and encrypts them under the key that id names.
func (s *Service) newDataKey(ctx context.Context, caller *api.Caller, id string, size int, u use) (f found, plaintext, ciphertext []byte, err error) {
	plaintext = make([]byte, size)
	if _, err := rand.Read(plaintext); err != nil {
		return f, nil, nil, err
	}
	f, ciphertext, err = s.sealNew(ctx, caller, id, plaintext, u)
	if err != nil {
		return f, nil, nil, err
	}
	return f, plaintext, ciphertext, nil
}

// opened decrypts ciphertext under the key that made it. With only, that must be the
// key that only names.
func (s *Service) opened(ctx context.Context, caller *api.Caller, ciphertext []byte, only string, u use) (found, []byte, error) {
	id, err := keyOf(ciphertext)
	if err != nil {
		return found{}, nil, failure("InvalidCiphertextException", "the ciphertext is not one that this KMS made")
	}
	f, err := s.load(id)
	if code(err) == "NotFoundException" {
		// As S3 passes it on: https://github.com/chadgeary/nifi/issues/13.
		return f, nil, accessDenied("The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.")
	}
	if err != nil {
		return f, nil, err
	}
	if only != "" {
		named, err := s.load(only)
		if err != nil {
			return f, nil, err
		}
		if named.ID != f.ID {
			return f, nil, failure("IncorrectKeyException", "the key in the request is not the one that made the ciphertext")
		}
		f.alias = named.alias
	}
	bytes, err := s.unlock(ctx, caller, f, u)
	if err != nil {
		return f, nil, err
	}
	plaintext, err := open(bytes, ciphertext, u.context)
	if err != nil {
		return f, nil, failure("InvalidCiphertextException", "the ciphertext or its encryption context is not what was encrypted")
	}
	return f, plaintext, nil
}
