package gate

import (
	"errors"
	"maps"
	"slices"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/iam"
)

// policiesOf gathers the policies that the caller carries into every request. They
// are read now, not when the session was issued (facts AWS §3.3).
func (g *Gate) policiesOf(tx directory.Tx, caller *api.Caller) (iam.PolicySet, error) {
	var set iam.PolicySet
	principal, err := principalRecord(tx, caller)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		// Gone since the request was authenticated: it has no policies left.
	case err != nil:
		return set, err
	default:
		if set, err = g.ownPolicies(tx, principal); err != nil {
			return set, err
		}
	}
	if caller.SessionPolicyPassed {
		set.SessionPassed = true
		set.Session, err = g.sessionPolicies(tx, caller)
	}
	return set, err
}

// PoliciesOf returns the identity policies and the boundary of the role or user with that
// ARN as IAM itself knows them, or directory.ErrNotFound.
func (g *Gate) PoliciesOf(arn string) (set iam.PolicySet, err error) {
	err = g.dir.View(func(tx directory.Tx) error {
		principal, err := directory.PrincipalByARN(tx, arn)
		if err != nil {
			return err
		}
		set, err = g.ownPolicies(tx, principal)
		return err
	})
	return set, err
}

// ownPolicies are those of a role or user, without a session's.
func (g *Gate) ownPolicies(tx directory.Tx, p directory.Principal) (set iam.PolicySet, err error) {
	if set.Identity, err = g.identityPolicies(tx, p); err != nil || p.Boundary == "" {
		return set, err
	}
	set.Boundary, err = g.boundary(tx, p.Boundary)
	return set, err
}

// principalRecord returns the caller's own record, if it is still the same one.
func principalRecord(tx directory.Tx, caller *api.Caller) (directory.Principal, error) {
	switch caller.Kind {
	case api.Role:
		return directory.PrincipalByID(tx, caller.RoleID)
	case api.User:
		return directory.PrincipalByID(tx, caller.UserID)
	default:
		return directory.Principal{}, nil
	}
}

func (g *Gate) identityPolicies(tx directory.Tx, p directory.Principal) ([]iam.Policy, error) {
	var policies []iam.Policy
	for _, name := range slices.Sorted(maps.Keys(p.Inline)) {
		doc, err := g.documents.Parse(iam.KindIdentity, p.Inline[name])
		if err != nil {
			return nil, err
		}
		policies = append(policies, iam.Policy{Name: "inline:" + name, Document: doc})
	}
	managed, err := g.managed(tx, p.Attached)
	return append(policies, managed...), err
}

// boundary returns a permissions boundary. IAM refuses to delete a policy that is in
// use as one; if it is missing all the same, an empty document allows nothing.
func (g *Gate) boundary(tx directory.Tx, arn string) ([]iam.Policy, error) {
	policies, err := g.managed(tx, []string{arn})
	if err == nil && len(policies) == 0 {
		policies = []iam.Policy{{Name: arn, Document: &iam.Document{Version: iam.Version2012}}}
	}
	return policies, err
}

func (g *Gate) sessionPolicies(tx directory.Tx, caller *api.Caller) ([]iam.Policy, error) {
	policies, err := g.managed(tx, caller.SessionPolicyARNs)
	if err != nil || caller.InlineSessionPolicy == "" {
		return policies, err
	}
	doc, err := g.documents.Parse(iam.KindSession, caller.InlineSessionPolicy)
	if err != nil {
		return nil, err
	}
	return append(policies, iam.Policy{Name: "inline session policy", Document: doc}), nil
}

// managed reads managed policies by ARN. One that is gone grants nothing, which is
// not the same as not having been passed: the caller of managed sees to that.
func (g *Gate) managed(tx directory.Tx, arns []string) ([]iam.Policy, error) {
	var policies []iam.Policy
	for _, arn := range arns {
		text, err := directory.PolicyText(tx, arn)
		if errors.Is(err, directory.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		doc, err := g.documents.Parse(iam.KindIdentity, text)
		if err != nil {
			return nil, err
		}
		policies = append(policies, iam.Policy{Name: arn, Document: doc})
	}
	return policies, nil
}
