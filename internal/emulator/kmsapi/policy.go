package kmsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/awsjson"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/iam"
)

// A key has exactly one policy, of this name, of at most 32 KB.
const (
	policyName = "default"
	maxPolicy  = 32 << 10
)

type policyInput struct {
	KeyID      string `json:"KeyId"`
	PolicyName string
}

type policyOutput struct {
	Policy     string
	PolicyName string
}

func checkPolicyName(name string) error {
	if name != "" && name != policyName {
		return notFound("the key policy " + strconv.Quote(name))
	}
	return nil
}

func (s *Service) getKeyPolicy(ctx context.Context, caller *api.Caller, in policyInput) (policyOutput, error) {
	f, err := s.authorized(ctx, caller, "kms:GetKeyPolicy", in.KeyID, nil)
	if err != nil {
		return policyOutput{}, err
	}
	if err := checkPolicyName(in.PolicyName); err != nil {
		return policyOutput{}, err
	}
	doc, err := s.documents.Parse(iam.KindKey, string(f.Policy))
	if err != nil {
		return policyOutput{}, fmt.Errorf("reading the stored policy of key %s: %w", f.ID, err)
	}
	text, err := json.Marshal(s.cfg.Principals.Unbind(doc))
	if err != nil {
		return policyOutput{}, fmt.Errorf("encoding the policy: %w", err)
	}
	return policyOutput{Policy: string(text), PolicyName: policyName}, nil
}

type putPolicyInput struct {
	KeyID                          string `json:"KeyId"`
	PolicyName                     string
	Policy                         string
	BypassPolicyLockoutSafetyCheck bool
}

func (s *Service) putKeyPolicy(ctx context.Context, caller *api.Caller, in putPolicyInput) (awsjson.None, error) {
	f, err := s.authorized(ctx, caller, "kms:PutKeyPolicy", in.KeyID, func(c iam.Context) {
		c.Set("kms:BypassPolicyLockoutSafetyCheck", strconv.FormatBool(in.BypassPolicyLockoutSafetyCheck))
	})
	if err != nil {
		return awsjson.None{}, err
	}
	if err := checkPolicyName(in.PolicyName); err != nil {
		return awsjson.None{}, err
	}
	bound, err := s.acceptPolicy(ctx, caller, f, in.Policy, in.BypassPolicyLockoutSafetyCheck)
	if err != nil {
		return awsjson.None{}, err
	}
	return awsjson.None{}, s.change(f.ID, func(k *key) error {
		k.Policy = bound
		return nil
	})
}

// acceptPolicy checks a policy for the key f and returns its bound form. Unless the
// caller insists, it must leave the caller the right to replace it: a key whose
// policy nobody may change is lost (facts AWS §6.2).
func (s *Service) acceptPolicy(ctx context.Context, caller *api.Caller, f found, text string, bypass bool) ([]byte, error) {
	if len(text) > maxPolicy {
		return nil, failure("LimitExceededException", "the key policy is larger than %d bytes", maxPolicy)
	}
	doc, err := iam.Parse(iam.KindKey, []byte(text))
	if err != nil {
		return nil, malformedPolicy("%v", err)
	}
	bound, err := s.bind(doc)
	if err != nil || bypass {
		return bound, err
	}
	f.Policy = bound
	check, err := s.keyCheck("kms:PutKeyPolicy", f, caller)
	if err != nil {
		return nil, err
	}
	return bound, s.keepsControl(ctx, caller, check)
}

func (s *Service) keepsControl(ctx context.Context, caller *api.Caller, check gate.Check) error {
	err := s.cfg.Gate.Authorize(ctx, caller, check)
	if code(err) == "AccessDenied" {
		return malformedPolicy("The new key policy will not allow you to update the key policy in the future.")
	}
	return err
}

// bind converts a policy to the form in which it is stored.
func (s *Service) bind(doc *iam.Document) ([]byte, error) {
	bound, err := s.cfg.Principals.Bind(doc)
	if err != nil {
		if _, ok := errors.AsType[*api.Error](err); ok {
			return nil, malformedPolicy("Policy contains a statement with one or more invalid principals.")
		}
		return nil, err
	}
	raw, err := json.Marshal(bound)
	if err != nil {
		return nil, fmt.Errorf("encoding the policy: %w", err)
	}
	return raw, nil
}

type listPoliciesInput struct {
	KeyID string `json:"KeyId"`
	pageInput
}

type listPoliciesOutput struct {
	PolicyNames []string
	pageOutput
}

func (s *Service) listKeyPolicies(ctx context.Context, caller *api.Caller, in listPoliciesInput) (listPoliciesOutput, error) {
	if _, err := s.authorized(ctx, caller, "kms:ListKeyPolicies", in.KeyID, nil); err != nil {
		return listPoliciesOutput{}, err
	}
	return listPoliciesOutput{PolicyNames: []string{policyName}}, nil
}
