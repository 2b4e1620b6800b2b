package secretsapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

type updateInput struct {
	SecretId           string //nolint:revive // the member's name on the wire
	ClientRequestToken string
	Description        *string
	KmsKeyId           *string //nolint:revive // the member's name on the wire
	SecretBinary       []byte
	SecretString       *string
}

// updateSecret changes what the request has, and the value as PutSecretValue does. A new
// key also takes over the versions that have labels, for which the caller needs both.
func (s *Service) updateSecret(ctx context.Context, caller *api.Caller, in updateInput) (out versionOutput, err error) {
	v, err := readValue(in.SecretString, in.SecretBinary)
	if err != nil {
		return out, err
	}
	if v != nil {
		if err := checkToken(in.ClientRequestToken); err != nil {
			return out, err
		}
	}
	if in.Description != nil && len(*in.Description) > maxDescription {
		return out, invalidParameter("Description is longer than %d characters", maxDescription)
	}
	found, err := s.usable(ctx, caller, "UpdateSecret", in.SecretId,
		about("secretsmanager:Description", text(in.Description),
			"secretsmanager:KmsKeyId", text(in.KmsKeyId), "secretsmanager:KmsKeyArn", s.namedKey(text(in.KmsKeyId))))
	if err != nil {
		return out, err
	}
	if in.KmsKeyId != nil && *in.KmsKeyId != found.KeyID {
		if err := s.changeKey(ctx, caller, found, *in.KmsKeyId); err != nil {
			return out, err
		}
		found.KeyID = *in.KmsKeyId
	}
	if in.Description != nil {
		err := s.change(found.ARN, func(_ state.Tx, now *secret) error {
			now.Description = *in.Description
			return now.live()
		})
		if err != nil {
			return out, err
		}
	}
	out = versionOutput{ARN: found.ARN, Name: found.Name}
	if v == nil {
		return out, nil
	}
	out.VersionId = in.ClientRequestToken
	_, err = s.addVersion(ctx, caller, found, in.ClientRequestToken, v, []string{current})
	return out, err
}

// changeKey seals the versions that have labels under another key.
func (s *Service) changeKey(ctx context.Context, caller *api.Caller, found secret, keyID string) error {
	if _, err := s.keyARN(ctx, keyID); err != nil {
		return err
	}
	anew := map[string]sealed{}
	for id, version := range found.Versions {
		if len(version.Stages) == 0 {
			continue
		}
		v, err := s.open(ctx, caller, found.ARN, id)
		if err != nil {
			return err
		}
		if anew[id], err = s.seal(ctx, caller, keyID, found.ARN, id, v); err != nil {
			return err
		}
	}
	return s.change(found.ARN, func(tx state.Tx, now *secret) error {
		for id, stored := range anew {
			if _, ok := now.Versions[id]; !ok {
				continue // forgotten meanwhile
			}
			if err := values.Put(tx, valueKey(now.ARN, id), stored); err != nil {
				return err
			}
		}
		now.KeyID = keyID
		return now.live()
	})
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
