package secretsapi

import (
	"context"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

type listVersionsInput struct {
	pageInput
	SecretId          string //nolint:revive // the member's name on the wire
	IncludeDeprecated bool
}

type listVersionsOutput struct {
	ARN       string
	Name      string
	Versions  []versionEntry
	NextToken string `json:",omitempty"`
}

type versionEntry struct {
	VersionId     string   //nolint:revive // the member's name on the wire
	VersionStages []string `json:",omitempty"`
	CreatedDate   *awsjson.Epoch
}

// listSecretVersionIDs lists the versions that have labels, and on demand the others,
// oldest first.
func (s *Service) listSecretVersionIDs(ctx context.Context, caller *api.Caller, in listVersionsInput) (out listVersionsOutput, err error) {
	limit, after, err := in.read()
	if err != nil {
		return out, err
	}
	found, err := s.authorized(ctx, caller, "ListSecretVersionIds", in.SecretId, nil)
	if err != nil {
		return out, err
	}
	out = listVersionsOutput{ARN: found.ARN, Name: found.Name, Versions: []versionEntry{}}
	ids := found.oldestFirst()
	ids = ids[slices.Index(ids, after)+1:]
	for _, id := range ids {
		v := found.Versions[id]
		if len(v.Stages) == 0 && !in.IncludeDeprecated {
			continue
		}
		if len(out.Versions) == limit {
			out.NextToken = nextToken(out.Versions[limit-1].VersionId)
			break
		}
		out.Versions = append(out.Versions, versionEntry{id, v.Stages, awsjson.EpochOf(v.Created)})
	}
	return out, nil
}

type moveStageInput struct {
	SecretId            string //nolint:revive // the member's name on the wire
	VersionStage        string
	RemoveFromVersionId string //nolint:revive // the member's name on the wire
	MoveToVersionId     string //nolint:revive // the member's name on the wire
}

// updateSecretVersionStage moves a label, attaches it or takes it away. A label that is
// somewhere moves only for who says from where; AWSCURRENT cannot be taken away
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html).
func (s *Service) updateSecretVersionStage(ctx context.Context, caller *api.Caller, in moveStageInput) (secretOutput, error) {
	if err := checkStages([]string{in.VersionStage}); err != nil {
		return secretOutput{}, err
	}
	found, err := s.usable(ctx, caller, "UpdateSecretVersionStage", in.SecretId, about("secretsmanager:VersionStage", in.VersionStage))
	if err != nil {
		return secretOutput{}, err
	}
	return secretOutput{found.ARN, found.Name}, s.change(found.ARN, func(_ state.Tx, now *secret) error {
		if err := now.live(); err != nil {
			return err
		}
		return now.move(in)
	})
}

func (s *secret) move(in moveStageInput) error {
	from, to := in.RemoveFromVersionId, in.MoveToVersionId
	for _, id := range []string{from, to} {
		if _, ok := s.Versions[id]; id != "" && !ok {
			return noValue("VersionId", id)
		}
	}
	holder := s.holder(in.VersionStage)
	switch {
	case from == "" && to == "":
		return invalidParameter("give RemoveFromVersionId, MoveToVersionId or both")
	case from != "" && from != holder:
		return invalidParameter("Staging label %s is not attached to version %s.", in.VersionStage, from)
	case to == "" && in.VersionStage == current:
		return invalidParameter("You can only move staging label %s to a different secret version. It can't be completely removed.", current)
	case to != "" && holder != "" && holder != to && from == "":
		return invalidParameter("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", in.VersionStage, holder)
	case to == "":
		s.detach(from, in.VersionStage)
		return nil
	case len(s.Versions[to].Stages) >= maxStages && holder != to:
		return failure("LimitExceededException", "a version has at most %d staging labels", maxStages)
	}
	s.attach(to, in.VersionStage)
	return nil
}
