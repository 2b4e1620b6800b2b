package secretsapi

import (
	"context"
	"errors"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/state"
	"github.com/managedcas/managedcas/internal/iam"
)

// maxID is the longest SecretId.
const maxID = 2048

// authorized loads the secret that id names and authorizes an operation on it. A secret
// that does not exist has no ARN: AWS then asks about the id as the request has it, so
// that only those learn of its absence who may do the operation on anything.
func (s *Service) authorized(ctx context.Context, caller *api.Caller, operation, id string, keys iam.Context) (secret, error) {
	if id == "" || len(id) > maxID {
		return secret{}, invalidParameter("SecretId must have 1 to %d characters", maxID)
	}
	found, err := s.load(id)
	missing := errors.Is(err, state.ErrNotFound)
	if err != nil && !missing {
		return found, err
	}
	check, err := s.check(operation, found, keys)
	if err != nil {
		return found, err
	}
	if missing {
		check.Resource = id
		check.Context.Set("secretsmanager:SecretId", id)
	}
	if err := s.authorize(ctx, caller, check); err != nil {
		return found, err
	}
	if missing {
		return found, notFound()
	}
	return found, nil
}

// usable is authorized for operations that a secret marked for deletion refuses.
func (s *Service) usable(ctx context.Context, caller *api.Caller, operation, id string, keys iam.Context) (secret, error) {
	found, err := s.authorized(ctx, caller, operation, id, keys)
	if err != nil {
		return found, err
	}
	return found, found.live()
}

// check is the check of an operation on a secret, with the condition keys of
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html.
func (s *Service) check(operation string, on secret, keys iam.Context) (gate.Check, error) {
	c := gate.Check{
		Action:   "secretsmanager:" + operation,
		Resource: on.ARN,
		Account:  s.cfg.AccountID,
		Context:  iam.Context{},
	}
	for key, values := range keys {
		c.Context.Set(key, values...)
	}
	if on.ARN != "" {
		c.Context.Set("secretsmanager:SecretId", on.ARN)
	}
	for key, value := range on.Tags {
		c.Context.Add("aws:ResourceTag/"+key, value)
		c.Context.Add("secretsmanager:ResourceTag/"+key, value)
	}
	if on.Policy != nil {
		doc, err := s.documents.Parse(iam.KindResource, string(on.Policy))
		if err != nil {
			return c, err
		}
		c.Policy = &iam.Policy{Name: "resource policy of " + on.ARN, Document: doc}
	}
	return c, nil
}

func (s *Service) authorize(ctx context.Context, caller *api.Caller, checks ...gate.Check) error {
	if req := api.FromContext(ctx); req != nil {
		req.Resource = checks[0].Resource
	}
	return s.cfg.Gate.Authorize(ctx, caller, checks...)
}

// about is a set of condition keys, given as pairs; empty values are left out.
func about(pairs ...string) iam.Context {
	keys := iam.Context{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			keys.Set(pairs[i], pairs[i+1])
		}
	}
	return keys
}
