package secretsapi

import (
	"context"
	"slices"
	"time"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// Limits of versions
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html).
const (
	maxVersions = 100
	maxStages   = 20
	maxStage    = 256
)

type getValueInput struct {
	SecretId     string //nolint:revive // the member's name on the wire
	VersionId    string //nolint:revive // the member's name on the wire
	VersionStage string
}

type getValueOutput struct {
	ARN           string
	Name          string
	VersionId     string  //nolint:revive // the member's name on the wire
	SecretBinary  []byte  `json:",omitempty"`
	SecretString  *string `json:",omitempty"`
	VersionStages []string
	CreatedDate   *awsjson.Epoch
}

// getSecretValue takes the permission to read the secret, and the one to decrypt with
// its key.
func (s *Service) getSecretValue(ctx context.Context, caller *api.Caller, in getValueInput) (out getValueOutput, err error) {
	found, err := s.usable(ctx, caller, "GetSecretValue", in.SecretId,
		about("secretsmanager:VersionId", in.VersionId, "secretsmanager:VersionStage", in.VersionStage))
	if err != nil {
		return out, err
	}
	id, err := found.pick(in.VersionId, in.VersionStage)
	if err != nil {
		return out, err
	}
	v, err := s.open(ctx, caller, found.ARN, id)
	if err != nil {
		return out, err
	}
	out = getValueOutput{
		ARN: found.ARN, Name: found.Name, VersionId: id,
		VersionStages: found.Versions[id].Stages, CreatedDate: awsjson.EpochOf(found.Versions[id].Created),
	}
	if v.binary {
		out.SecretBinary = v.bytes
		return out, nil
	}
	text := string(v.bytes)
	out.SecretString = &text
	return out, nil
}

// pick returns the version that a request names by its id, a label (AWSCURRENT when it
// names none), or both, which must then agree.
func (s *secret) pick(id, stage string) (string, error) {
	if id == "" {
		if stage == "" {
			stage = current
		}
		if id = s.holder(stage); id == "" {
			return "", noValue("staging label", stage)
		}
		return id, nil
	}
	v, ok := s.Versions[id]
	switch {
	case !ok:
		return "", noValue("VersionId", id)
	case stage != "" && !slices.Contains(v.Stages, stage):
		return "", invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return id, nil
}

type putValueInput struct {
	SecretId           string //nolint:revive // the member's name on the wire
	ClientRequestToken string
	SecretBinary       []byte
	SecretString       *string
	VersionStages      []string
}

type putValueOutput struct {
	ARN           string
	Name          string
	VersionId     string //nolint:revive // the member's name on the wire
	VersionStages []string
}

func (s *Service) putSecretValue(ctx context.Context, caller *api.Caller, in putValueInput) (out putValueOutput, err error) {
	v, err := readValue(in.SecretString, in.SecretBinary)
	if err != nil {
		return out, err
	}
	if v == nil {
		return out, invalidRequest("You must provide either SecretString or SecretBinary.")
	}
	if err := checkToken(in.ClientRequestToken); err != nil {
		return out, err
	}
	if err := checkStages(in.VersionStages); err != nil {
		return out, err
	}
	keys := iam.Context{}
	keys.Set("secretsmanager:VersionStage", in.VersionStages...)
	found, err := s.usable(ctx, caller, "PutSecretValue", in.SecretId, keys)
	if err != nil {
		return out, err
	}
	stages := in.VersionStages
	if len(stages) == 0 {
		stages = []string{current}
	}
	if found, err = s.addVersion(ctx, caller, found, in.ClientRequestToken, v, stages); err != nil {
		return out, err
	}
	return putValueOutput{found.ARN, found.Name, in.ClientRequestToken, found.Versions[in.ClientRequestToken].Stages}, nil
}

func checkStages(stages []string) error {
	if len(stages) > maxStages {
		return invalidParameter("a version has at most %d staging labels", maxStages)
	}
	for _, stage := range stages {
		if stage == "" || len(stage) > maxStage {
			return invalidParameter("a staging label must have 1 to %d characters", maxStage)
		}
	}
	return nil
}

// addVersion stores a value as a version and returns the secret with it. A version is
// never changed: the same token with the same value has no effect, with another value it
// is refused.
func (s *Service) addVersion(ctx context.Context, caller *api.Caller, found secret, id string, v *value, stages []string) (secret, error) {
	if _, ok := found.Versions[id]; ok {
		stored, err := s.open(ctx, caller, found.ARN, id)
		if err == nil && !stored.equal(v) {
			err = versionExists()
		}
		return found, err
	}
	stored, err := s.seal(ctx, caller, found.KeyID, found.ARN, id, v)
	if err != nil {
		return found, err
	}
	err = s.change(found.ARN, func(tx state.Tx, now *secret) error {
		if err := now.live(); err != nil {
			return err
		}
		if _, ok := now.Versions[id]; ok {
			return versionExists()
		}
		if err := now.add(tx, id, stages); err != nil {
			return err
		}
		found = *now
		return values.Put(tx, valueKey(now.ARN, id), stored)
	})
	return found, err
}

func versionExists() error {
	return failure("ResourceExistsException", "A resource with the ID you requested already exists.")
}

// add makes a version current or gives it other labels, and forgets the oldest versions
// without labels when there are too many. The first version is always current.
func (s *secret) add(tx state.Tx, id string, stages []string) error {
	if s.holder(current) == "" && !slices.Contains(stages, current) {
		stages = append([]string{current}, stages...)
	}
	s.Changed = time.Now().UTC()
	if s.Versions == nil {
		s.Versions = map[string]version{}
	}
	s.Versions[id] = version{Created: s.Changed}
	s.attach(id, stages...)
	for _, old := range s.oldestFirst() {
		if len(s.Versions) <= maxVersions {
			return nil
		}
		if len(s.Versions[old].Stages) > 0 {
			continue
		}
		delete(s.Versions, old)
		if err := values.Delete(tx, valueKey(s.ARN, old)); err != nil {
			return err
		}
	}
	if len(s.Versions) > maxVersions {
		return failure("LimitExceededException", "a secret has at most %d versions with staging labels", maxVersions)
	}
	return nil
}
