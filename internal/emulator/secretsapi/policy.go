package secretsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// maxPolicy is the longest resource policy in characters.
const maxPolicy = 20480

type putPolicyInput struct {
	SecretId          string //nolint:revive // the member's name on the wire
	ResourcePolicy    string
	BlockPublicPolicy *bool
}

func (s *Service) putResourcePolicy(ctx context.Context, caller *api.Caller, in putPolicyInput) (secretOutput, error) {
	keys := iam.Context{}
	if in.BlockPublicPolicy != nil {
		keys.Set("secretsmanager:BlockPublicPolicy", strconv.FormatBool(*in.BlockPublicPolicy))
	}
	found, err := s.usable(ctx, caller, "PutResourcePolicy", in.SecretId, keys)
	if err != nil {
		return secretOutput{}, err
	}
	bound, err := s.acceptPolicy(in)
	if err != nil {
		return secretOutput{}, err
	}
	return secretOutput{found.ARN, found.Name}, s.setPolicy(found.ARN, bound)
}

// acceptPolicy checks a policy and returns the form in which it is stored.
func (s *Service) acceptPolicy(in putPolicyInput) ([]byte, error) {
	if n := len(in.ResourcePolicy); n < 1 || n > maxPolicy {
		return nil, invalidParameter("ResourcePolicy must have 1 to %d characters", maxPolicy)
	}
	doc, err := iam.Parse(iam.KindResource, []byte(in.ResourcePolicy))
	if err != nil {
		return nil, malformedPolicy("%v", err)
	}
	if in.BlockPublicPolicy != nil && *in.BlockPublicPolicy {
		if public, _ := iam.Public(iam.KindResource, doc); public {
			return nil, failure("PublicPolicyException", "This resource policy grants broad access, and BlockPublicPolicy forbids that.")
		}
	}
	bound, err := s.cfg.Principals.Bind(doc)
	if _, ok := errors.AsType[*api.Error](err); ok {
		return nil, malformedPolicy("This resource policy contains an unsupported principal.")
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(bound)
}

func malformedPolicy(format string, args ...any) error {
	return failure("MalformedPolicyDocumentException", format, args...)
}

func (s *Service) setPolicy(arn string, bound []byte) error {
	return s.change(arn, func(_ state.Tx, now *secret) error {
		now.Policy = bound
		return now.live()
	})
}

type getPolicyOutput struct {
	ARN            string
	Name           string
	ResourcePolicy string `json:",omitempty"`
}

func (s *Service) getResourcePolicy(ctx context.Context, caller *api.Caller, in secretInput) (getPolicyOutput, error) {
	found, err := s.usable(ctx, caller, "GetResourcePolicy", in.SecretId, nil)
	if err != nil {
		return getPolicyOutput{}, err
	}
	out := getPolicyOutput{ARN: found.ARN, Name: found.Name}
	if found.Policy == nil {
		return out, nil
	}
	doc, err := s.documents.Parse(iam.KindResource, string(found.Policy))
	if err != nil {
		return out, err
	}
	text, err := json.Marshal(s.cfg.Principals.Unbind(doc))
	if err != nil {
		return out, fmt.Errorf("encoding the policy: %w", err)
	}
	out.ResourcePolicy = string(text)
	return out, nil
}

// deleteResourcePolicy succeeds when there is none.
func (s *Service) deleteResourcePolicy(ctx context.Context, caller *api.Caller, in secretInput) (secretOutput, error) {
	found, err := s.usable(ctx, caller, "DeleteResourcePolicy", in.SecretId, nil)
	if err != nil {
		return secretOutput{}, err
	}
	return secretOutput{found.ARN, found.Name}, s.setPolicy(found.ARN, nil)
}
