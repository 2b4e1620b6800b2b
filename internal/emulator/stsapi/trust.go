package stsapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/iam"
)

// authorize asks the role's trust policy, and the caller's policies where the trust
// policy only delegates to the account (facts AWS §4.5). A role that does not exist
// is refused in the same words as one that does not trust the caller.
func (s *Service) authorize(ctx context.Context, caller *api.Caller, a assumption, in inheritance, role directory.Role, found bool) error {
	trust, err := s.trustPolicy(role, found)
	if err != nil {
		return err
	}
	for _, needed := range neededActions(a, in) {
		keys := needed.keys
		addRoleTags(keys, role)
		for key, values := range serviceKeys(caller) {
			keys.Set(key, values...)
		}
		err := s.cfg.Gate.Authorize(ctx, caller, gate.Check{
			Action:          needed.action,
			Resource:        a.roleARN,
			Account:         accountOf(a.roleARN),
			Policy:          trust,
			RequireResource: true,
			Context:         keys,
		})
		if denied, ok := errors.AsType[*api.Error](err); ok && denied.Status == http.StatusForbidden {
			// STS, unlike other services, does not say which policy it was.
			return api.Errorf(http.StatusForbidden, "AccessDenied",
				"User: %s is not authorized to perform: %s on resource: %s", caller.ARN, needed.action, a.roleARN)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// trustPolicy returns the policy that decides who may assume the role; none when there
// is no such role.
func (s *Service) trustPolicy(role directory.Role, found bool) (*iam.Policy, error) {
	if !found {
		return nil, nil
	}
	doc, err := s.documents.Parse(iam.KindTrust, string(role.Trust))
	if err != nil {
		return nil, fmt.Errorf("trust policy of %s: %w", role.ARN, err)
	}
	return &iam.Policy{Name: "trust policy of " + role.Name, Document: doc}, nil
}

func addRoleTags(keys iam.Context, role directory.Role) {
	for key, value := range role.Tags {
		keys.Add("aws:ResourceTag/"+key, value)
		keys.Add("iam:ResourceTag/"+key, value)
	}
}

// neededAction is an action that the trust policy must allow, with the condition
// keys that it has.
type neededAction struct {
	action string
	keys   iam.Context
}

// neededActions lists sts:AssumeRole and, for tags and a source identity, whether
// passed or inherited, the actions that AWS asks for in addition (facts AWS §4.1,
// §4.3). A condition key that is not documented for an action is not set for it: a
// policy that relies on it would fail on AWS.
func neededActions(a assumption, in inheritance) []neededAction {
	needed := []neededAction{{"sts:AssumeRole", assumeKeys(a, in)}}
	if len(a.tags)+len(in.tags) > 0 {
		keys := tagKeys(a)
		// Whether inherited tags count in aws:TagKeys is not documented (facts AWS §13
		// P12). Counting them is stricter for a policy that lists the keys it admits.
		passed := slices.Collect(maps.Keys(a.tags))
		keys.Set("aws:TagKeys", slices.Sorted(slices.Values(append(passed, in.keys()...)))...)
		needed = append(needed, neededAction{"sts:TagSession", keys})
	}
	if in.sourceIdentity != "" {
		needed = append(needed, neededAction{"sts:SetSourceIdentity", iam.Context{}})
		needed[len(needed)-1].keys.Set("sts:SourceIdentity", in.sourceIdentity)
	}
	return needed
}

func assumeKeys(a assumption, in inheritance) iam.Context {
	keys := tagKeys(a)
	keys.Set("sts:RoleSessionName", a.sessionName)
	if a.externalID != "" {
		keys.Set("sts:ExternalId", a.externalID)
	}
	if in.sourceIdentity != "" {
		keys.Set("sts:SourceIdentity", in.sourceIdentity)
	}
	return keys
}

func tagKeys(a assumption) iam.Context {
	keys := iam.Context{}
	for key, value := range a.tags {
		keys.Add("aws:RequestTag/"+key, value)
	}
	keys.Set("aws:TagKeys", slices.Sorted(maps.Keys(a.tags))...)
	keys.Set("sts:TransitiveTagKeys", a.transitive...)
	return keys
}

// serviceKeys are the keys of a call that a service makes for a resource of this
// account. aws:SourceArn is left out, because the resource is not known here.
func serviceKeys(caller *api.Caller) iam.Context {
	keys := iam.Context{}
	if caller.Kind == api.Service {
		keys.Set("aws:SourceAccount", caller.AccountID)
	}
	return keys
}
