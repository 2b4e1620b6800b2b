package auth

import (
	"context"
	"errors"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// reasonNotInOrg makes the stock client forget the organization in its configuration
// file, which is what helps when that one is gone (facts WIRE §7.1).
const reasonNotInOrg = "USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG"

// organization returns the one that a call is about: the token's own, or, for an
// instance token, the one that the call names. It is the zero Organization when an
// instance token names none.
func (t *Tokens) organization(ctx context.Context, record registry.Token, own org.Organization, name string) (org.Organization, error) {
	switch {
	case record.Instance() && name == "":
		return org.Organization{}, nil
	case record.Instance():
		return t.named(ctx, name)
	case own.State == org.Deleted:
		return org.Organization{}, errInvalid(refused(record, "is of a deleted organization"))
	case name != "" && name != string(own.Name):
		// The same answer whether or not the other organization exists.
		return org.Organization{}, problem.Wrap(refused(record, "names another organization"), problem.Denied,
			"the token belongs to another organization than the one named",
			"name the token's own organization, or none").WithReason(reasonNotInOrg)
	}
	return own, nil
}

func (t *Tokens) named(ctx context.Context, name string) (org.Organization, error) {
	parsed, err := org.ParseName(name)
	if err == nil {
		var o org.Organization
		if o, err = t.organizations.OrganizationByName(ctx, parsed); err == nil {
			return o, nil
		}
		if !errors.Is(err, registry.ErrNotFound) {
			return org.Organization{}, errUnchecked(err)
		}
	}
	return org.Organization{}, problem.Wrap(err, problem.Denied,
		"the organization that the call names does not exist",
		"see organization list, or create it").WithReason(reasonNotInOrg)
}
