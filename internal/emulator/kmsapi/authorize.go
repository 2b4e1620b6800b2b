package kmsapi

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/iam"
)

// keyCheck is the check of an action on a key: the key policy itself must allow,
// whatever IAM policies say (facts AWS §6.2). In a key policy the resource "*"
// means this key, which is what it matches here, the only resource asked about.
func (s *Service) keyCheck(action string, f found, caller *api.Caller) (gate.Check, error) {
	doc, err := s.documents.Parse(iam.KindKey, string(f.Policy))
	if err != nil {
		return gate.Check{}, fmt.Errorf("reading the stored policy of key %s: %w", f.ID, err)
	}
	check := gate.Check{
		Action:          action,
		Resource:        s.keyARN(f.ID),
		Account:         s.cfg.AccountID,
		Policy:          s.keyPolicy(f.ID, doc),
		RequireResource: true,
		Context:         s.keyContext(caller),
	}
	check.Context.Set("kms:ResourceAliases", f.aliases...)
	if f.alias != "" {
		check.Context.Set("kms:RequestAlias", f.alias)
	}
	for k, v := range f.Tags {
		check.Context.Add("aws:ResourceTag/"+k, v)
	}
	return check, nil
}

func (s *Service) keyPolicy(keyID string, doc *iam.Document) *iam.Policy {
	return &iam.Policy{Name: "key policy of " + s.keyARN(keyID), Document: doc}
}

// keyContext holds the condition keys of every check on a key, present or to be.
func (s *Service) keyContext(caller *api.Caller) iam.Context {
	c := iam.Context{}
	c.Set("kms:CallerAccount", caller.AccountID)
	c.Set("kms:KeySpec", symmetric)
	c.Set("kms:KeyUsage", encryptDecrypt)
	c.Set("kms:KeyOrigin", originKMS)
	c.Set("kms:MultiRegion", "false")
	return c
}

// plainCheck is the check of an action that no key policy has a say in: on
// everything ("*"), or on an alias.
func (s *Service) plainCheck(action, resource string, caller *api.Caller) gate.Check {
	c := iam.Context{}
	c.Set("kms:CallerAccount", caller.AccountID)
	return gate.Check{Action: action, Resource: resource, Account: s.cfg.AccountID, Context: c}
}

// authorizeKey authorizes action on a key; add fills in the condition keys of the
// request and may be nil.
func (s *Service) authorizeKey(ctx context.Context, caller *api.Caller, action string, f found, add func(iam.Context)) error {
	check, err := s.keyCheck(action, f, caller)
	if err != nil {
		return err
	}
	if add != nil {
		add(check.Context)
	}
	return s.authorize(ctx, caller, check)
}

// authorized loads a key by id or ARN and authorizes action on it.
func (s *Service) authorized(ctx context.Context, caller *api.Caller, action, id string, add func(iam.Context)) (found, error) {
	f, err := s.loadByID(id)
	if err != nil {
		return f, err
	}
	return f, s.authorizeKey(ctx, caller, action, f, add)
}

func setRequestTags(c iam.Context, tags map[string]string) {
	for k, v := range tags {
		c.Add("aws:RequestTag/"+k, v)
	}
	c.Set("aws:TagKeys", slices.Sorted(maps.Keys(tags))...)
}
