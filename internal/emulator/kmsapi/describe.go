package kmsapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// keyMetadata is a key as KMS describes it.
type keyMetadata struct {
	AWSAccountId          string //nolint:revive // the member's name on the wire
	Arn                   string
	CreationDate          *awsjson.Epoch
	CustomerMasterKeySpec string
	DeletionDate          *awsjson.Epoch `json:",omitempty"`
	Description           string
	Enabled               bool
	EncryptionAlgorithms  []string
	KeyId                 string //nolint:revive // the member's name on the wire
	KeyManager            string
	KeySpec               string
	KeyState              string
	KeyUsage              string
	MultiRegion           bool
	Origin                string
}

func (s *Service) metadata(k key) keyMetadata {
	return keyMetadata{
		AWSAccountId:          s.cfg.AccountID,
		Arn:                   s.keyARN(k.ID),
		CreationDate:          awsjson.EpochOf(k.Created),
		CustomerMasterKeySpec: symmetric,
		DeletionDate:          awsjson.EpochOf(k.DeletionDue),
		Description:           k.Description,
		Enabled:               k.State == enabled,
		EncryptionAlgorithms:  []string{symmetric},
		KeyId:                 k.ID,
		KeyManager:            k.manager(),
		KeySpec:               symmetric,
		KeyState:              k.State,
		KeyUsage:              encryptDecrypt,
		Origin:                originKMS,
	}
}

func (k *key) manager() string {
	if k.Manager != "" {
		return "AWS"
	}
	return "CUSTOMER"
}

// keyInput is the input of operations that only name a key.
type keyInput struct {
	KeyID string `json:"KeyId"`
}

func (s *Service) describeKey(ctx context.Context, caller *api.Caller, in keyInput) (keyOutput, error) {
	f, err := s.describable(ctx, caller, in.KeyID)
	if err != nil {
		return keyOutput{}, err
	}
	if err := s.authorizeKey(ctx, caller, "kms:DescribeKey", f, nil); err != nil {
		return keyOutput{}, err
	}
	return keyOutput{s.metadata(f.key)}, nil
}

type keyEntry struct {
	KeyArn string
	KeyID  string `json:"KeyId"`
}

type listKeysOutput struct {
	Keys []keyEntry
	pageOutput
}

func (s *Service) listKeys(ctx context.Context, caller *api.Caller, in pageInput) (listKeysOutput, error) {
	out := listKeysOutput{Keys: []keyEntry{}}
	limit, err := in.limit(100, 1000)
	if err != nil {
		return out, err
	}
	from, err := in.from()
	if err != nil {
		return out, err
	}
	if err := s.authorize(ctx, caller, s.plainCheck("kms:ListKeys", "*", caller)); err != nil {
		return out, err
	}
	err = s.cfg.DB.View(func(tx state.Tx) error {
		return keys.Scan(tx, from, func(id string, _ key) (bool, error) {
			if len(out.Keys) == limit {
				out.pageOutput = next(id)
				return false, nil
			}
			out.Keys = append(out.Keys, keyEntry{KeyArn: s.keyARN(id), KeyID: id})
			return true, nil
		})
	})
	return out, err
}

type descriptionInput struct {
	KeyID       string `json:"KeyId"`
	Description string
}

func (s *Service) updateKeyDescription(ctx context.Context, caller *api.Caller, in descriptionInput) (awsjson.None, error) {
	if len(in.Description) > maxDescription {
		return awsjson.None{}, invalid("Description is longer than %d characters", maxDescription)
	}
	f, err := s.authorized(ctx, caller, "kms:UpdateKeyDescription", in.KeyID, nil)
	if err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.change(f.ID, func(k *key) error {
		k.Description = in.Description
		return s.notPending(k)
	})
}
