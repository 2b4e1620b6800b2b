package secretsapi

import (
	"context"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
)

// description is a secret as DescribeSecret and, with another name for one member,
// ListSecrets show it. When a value was last read is not recorded.
type description struct {
	ARN             string
	Name            string
	Description     string `json:",omitempty"`
	KmsKeyId        string `json:",omitempty"` //nolint:revive // the member's name on the wire
	CreatedDate     *awsjson.Epoch
	LastChangedDate *awsjson.Epoch
	DeletedDate     *awsjson.Epoch `json:",omitempty"`
	Tags            []tag          `json:",omitempty"`
}

type describeOutput struct {
	description
	VersionIdsToStages map[string][]string `json:",omitempty"` //nolint:revive // the member's name on the wire
}

func (s *Service) describeSecret(ctx context.Context, caller *api.Caller, in secretInput) (describeOutput, error) {
	found, err := s.authorized(ctx, caller, "DescribeSecret", in.SecretId, nil)
	if err != nil {
		return describeOutput{}, err
	}
	return describeOutput{describe(found), found.labelled()}, nil
}

func describe(s secret) description {
	return description{
		ARN: s.ARN, Name: s.Name, Description: s.Description, KmsKeyId: s.KeyID,
		CreatedDate: awsjson.EpochOf(s.Created), LastChangedDate: awsjson.EpochOf(s.Changed),
		DeletedDate: awsjson.EpochOf(s.Deleted), Tags: tagList(s.Tags),
	}
}

// labelled returns the labels of the versions that have any.
func (s *secret) labelled() map[string][]string {
	stages := map[string][]string{}
	for id, v := range s.Versions {
		if len(v.Stages) > 0 {
			stages[id] = v.Stages
		}
	}
	return stages
}
