package secretsapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

// Limits of names and texts in characters.
const (
	maxName        = 512
	maxDescription = 2048
	minToken       = 32
	maxToken       = 64
)

type createInput struct {
	Name               string
	ClientRequestToken string
	Description        string
	KmsKeyId           string //nolint:revive // the member's name on the wire
	SecretBinary       []byte
	SecretString       *string
	Tags               []tag
}

type versionOutput struct {
	ARN       string
	Name      string
	VersionId string `json:",omitempty"` //nolint:revive // the member's name on the wire
}

func (in createInput) check() error {
	if in.Name == "" || len(in.Name) > maxName || strings.Trim(in.Name, alphanumeric+"/_+=.@-") != "" {
		return invalidParameter("Invalid name. Must be 1 to %d letters, digits and the characters /_+=.@-", maxName)
	}
	if len(in.Description) > maxDescription {
		return invalidParameter("Description is longer than %d characters", maxDescription)
	}
	return nil
}

// checkToken checks the token that becomes a version's id. SDKs make one by themselves.
func checkToken(token string) error {
	switch {
	case token == "":
		return invalidRequest("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	case len(token) < minToken || len(token) > maxToken || strings.Trim(token, alphanumeric+"-_") != "":
		return invalidParameter("ClientRequestToken must have %d to %d letters, digits, dashes and underscores", minToken, maxToken)
	}
	return nil
}

func (s *Service) createSecret(ctx context.Context, caller *api.Caller, in createInput) (out versionOutput, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	v, err := readValue(in.SecretString, in.SecretBinary)
	if err != nil {
		return out, err
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return out, err
	}
	now := time.Now().UTC()
	fresh := secret{
		Name: in.Name, ARN: s.newARN(in.Name), Description: in.Description, KeyID: in.KmsKeyId,
		Created: now, Changed: now, Tags: tags, Versions: map[string]version{},
	}
	if err := s.authorizeCreate(ctx, caller, fresh, in); err != nil {
		return out, err
	}
	switch known, err := s.load(in.Name); {
	case err == nil:
		return s.createdBefore(ctx, caller, known, in.ClientRequestToken, v)
	case !errors.Is(err, state.ErrNotFound):
		return out, err
	}
	var stored sealed
	if v != nil {
		if err := checkToken(in.ClientRequestToken); err != nil {
			return out, err
		}
		if stored, err = s.seal(ctx, caller, in.KmsKeyId, fresh.ARN, in.ClientRequestToken, v); err != nil {
			return out, err
		}
		fresh.Versions[in.ClientRequestToken] = version{Created: now, Stages: []string{current}}
		out.VersionId = in.ClientRequestToken
	} else if _, err := s.keyARN(ctx, in.KmsKeyId); err != nil {
		return out, err
	}
	out.ARN, out.Name = fresh.ARN, fresh.Name
	return out, s.cfg.DB.Update(func(tx state.Tx) error { return insert(tx, fresh, out.VersionId, stored) })
}

// insert stores a new secret where there is none, or one whose recovery window is over.
func insert(tx state.Tx, fresh secret, versionID string, stored sealed) error {
	old, err := secrets.Get(tx, fresh.Name)
	switch {
	case err == nil && !old.due(time.Now()):
		return exists(fresh.Name)
	case err == nil:
		if err := destroy(tx, old); err != nil {
			return err
		}
	case !errors.Is(err, state.ErrNotFound):
		return err
	}
	if versionID != "" {
		if err := values.Put(tx, valueKey(fresh.ARN, versionID), stored); err != nil {
			return err
		}
	}
	return secrets.Put(tx, fresh.Name, fresh)
}

// authorizeCreate asks about the ARN that the secret is to have. Tagging at creation
// takes the permission to tag as well.
func (s *Service) authorizeCreate(ctx context.Context, caller *api.Caller, fresh secret, in createInput) error {
	keys := requestTags(in.Tags)
	for key, values := range about(
		"secretsmanager:Name", in.Name, "secretsmanager:Description", in.Description,
		"secretsmanager:KmsKeyId", in.KmsKeyId, "secretsmanager:KmsKeyArn", s.namedKey(in.KmsKeyId),
	) {
		keys.Set(key, values...)
	}
	untagged := fresh
	untagged.Tags = nil
	check, err := s.check("CreateSecret", untagged, keys)
	if err != nil {
		return err
	}
	if len(in.Tags) == 0 {
		return s.authorize(ctx, caller, check)
	}
	tagging := check
	tagging.Action = "secretsmanager:TagResource"
	return s.authorize(ctx, caller, check, tagging)
}

// createdBefore answers a creation of what exists: the same request again, by its token
// and value, succeeds again.
func (s *Service) createdBefore(ctx context.Context, caller *api.Caller, known secret, token string, v *value) (versionOutput, error) {
	if !known.Deleted.IsZero() {
		return versionOutput{}, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if _, ok := known.Versions[token]; !ok || v == nil {
		return versionOutput{}, exists(known.Name)
	}
	stored, err := s.open(ctx, caller, known.ARN, token)
	if err != nil {
		return versionOutput{}, err
	}
	if !stored.equal(v) {
		return versionOutput{}, exists(known.Name)
	}
	return versionOutput{known.ARN, known.Name, token}, nil
}

func exists(name string) error {
	return failure("ResourceExistsException", "The operation failed because the secret %s already exists.", name)
}
