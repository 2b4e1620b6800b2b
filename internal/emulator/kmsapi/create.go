package kmsapi

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// materialSize is the length of a symmetric key: AES-256.
const materialSize = 32

// maxDescription is the limit of a description in characters.
const maxDescription = 8192

type createKeyInput struct {
	Policy                         string
	Description                    string
	KeyUsage                       string
	KeySpec                        string
	CustomerMasterKeySpec          string
	Origin                         string
	BypassPolicyLockoutSafetyCheck bool
	Tags                           []tag
	MultiRegion                    bool
}

type keyOutput struct{ KeyMetadata keyMetadata }

// supported refuses the kinds of keys that are not implemented.
func (in createKeyInput) supported() error {
	for _, v := range []struct{ member, value, only string }{
		{"KeyUsage", in.KeyUsage, encryptDecrypt},
		{"KeySpec", in.KeySpec, symmetric},
		{"CustomerMasterKeySpec", in.CustomerMasterKeySpec, symmetric},
		{"Origin", in.Origin, originKMS},
	} {
		if v.value != "" && v.value != v.only {
			return api.NotImplemented("kms", "CreateKey with "+v.member+"="+v.value)
		}
	}
	if in.MultiRegion {
		return api.NotImplemented("kms", "CreateKey with MultiRegion")
	}
	if len(in.Description) > maxDescription {
		return invalid("Description is longer than %d characters", maxDescription)
	}
	return nil
}

func (s *Service) createKey(ctx context.Context, caller *api.Caller, in createKeyInput) (keyOutput, error) {
	if err := in.supported(); err != nil {
		return keyOutput{}, err
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return keyOutput{}, err
	}
	k := key{
		ID:          uuid.NewString(),
		Description: in.Description,
		Created:     time.Now().UTC(),
		State:       enabled,
		Tags:        tags,
	}
	if err := s.authorize(ctx, caller, s.createChecks(k, caller, in.BypassPolicyLockoutSafetyCheck)...); err != nil {
		return keyOutput{}, err
	}
	if k.Policy, err = s.policyOfNewKey(ctx, caller, k, in); err != nil {
		return keyOutput{}, err
	}
	if err := s.save(ctx, k, func(state.Tx) error { return nil }); err != nil {
		return keyOutput{}, err
	}
	return keyOutput{s.metadata(k)}, nil
}

// save makes the material of a new key and stores the key, in one transaction with what
// also stores. Material comes first: after a crash between the two there is material
// without a key, which nothing can reach, and never a key that cannot work.
func (s *Service) save(ctx context.Context, k key, also func(state.Tx) error) error {
	bytes := make([]byte, materialSize)
	if _, err := rand.Read(bytes); err != nil {
		return err
	}
	if err := s.material.Update(func(tx state.Tx) error { return material.Put(tx, k.ID, bytes) }); err != nil {
		return err
	}
	err := s.cfg.DB.Update(func(tx state.Tx) error {
		if err := also(tx); err != nil {
			return err
		}
		return keys.Put(tx, k.ID, k)
	})
	if err != nil {
		return err
	}
	s.cfg.Log.InfoContext(ctx, "key created", slog.String("keyId", k.ID))
	return nil
}

// createChecks are the permissions that CreateKey takes: kms:CreateKey, which has
// no resource, and kms:TagResource when there are tags. IAM policies alone decide;
// the key policy does not exist yet.
func (s *Service) createChecks(k key, caller *api.Caller, bypass bool) []gate.Check {
	create := s.plainCheck("kms:CreateKey", "*", caller)
	create.Context = s.keyContext(caller)
	create.Context.Set("kms:BypassPolicyLockoutSafetyCheck", strconv.FormatBool(bypass))
	setRequestTags(create.Context, k.Tags)
	checks := []gate.Check{create}
	if len(k.Tags) > 0 {
		tagging := create
		tagging.Action, tagging.Resource = "kms:TagResource", s.keyARN(k.ID)
		checks = append(checks, tagging)
	}
	return checks
}

// policyOfNewKey is the policy given, or the one that AWS makes: the account
// decides by its IAM policies.
func (s *Service) policyOfNewKey(ctx context.Context, caller *api.Caller, k key, in createKeyInput) ([]byte, error) {
	if in.Policy != "" {
		return s.acceptPolicy(ctx, caller, found{key: k}, in.Policy, in.BypassPolicyLockoutSafetyCheck)
	}
	return s.bind(&iam.Document{
		Version: iam.Version2012,
		ID:      "key-default-1",
		Statements: []iam.Statement{{
			Sid:        "Enable IAM User Permissions",
			Effect:     iam.Allow,
			Principals: &iam.Principals{AWS: []string{"arn:aws:iam::" + s.cfg.AccountID + ":root"}},
			Actions:    []string{"kms:*"},
			Resources:  []string{"*"},
		}},
	})
}
