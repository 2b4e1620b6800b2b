package controlplane

import (
	"context"
	"errors"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

const (
	pageSize = 100
	// maxListed bounds an answer without pages: an account has at most 10,000 access
	// points in a Region (facts AWS §1.1), and so an installation as many organizations.
	maxListed = 10_000
)

type organizations struct {
	controlplanev1.UnimplementedOrganizationServiceServer
	server *Server
}

// Create makes an organization. Its storage follows: the reconciler has a job to make it.
// A user who makes one is its owner, and it becomes their current one if they had none.
func (s organizations) Create(ctx context.Context, req *controlplanev1.OrganizationServiceCreateRequest) (*controlplanev1.OrganizationServiceCreateResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	if s.server.cfg.RestrictOrganizationCreation && !caller.Instance() {
		return nil, problem.New(problem.Denied, "organizations are made by administrators of the installation", "ask its operator")
	}
	name, err := parseNewName(req.GetName())
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	o := org.Organization{ID: org.NewID(), Name: name, State: org.Pending, CreatedAt: now, UpdatedAt: now}
	var owners []registry.Membership
	user, isUser := caller.User()
	if isUser {
		owners = append(owners, registry.NewMembership(o.ID, user.ID, registry.Owner, now))
	}
	if err := s.server.cfg.Store.CreateOrganization(ctx, o, owners...); err != nil {
		return nil, unavailable(err)
	}
	if isUser {
		s.server.becomesCurrent(ctx, user, o.ID)
	}
	return &controlplanev1.OrganizationServiceCreateResponse{Result: organizationItem(o)}, nil
}

// Delete starts to take an organization's storage away. From now on it gets no CAS
// tokens; once the reconciler is done, its name is free and its API tokens are dead.
// Deleting again is no error.
func (s organizations) Delete(ctx context.Context, req *controlplanev1.OrganizationServiceDeleteRequest) (*controlplanev1.OrganizationServiceDeleteResponse, error) {
	o, err := s.server.byName(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	if _, err := s.server.cfg.Store.SetOrganizationState(ctx, o.ID, org.Deleting, ""); err != nil {
		return nil, unavailable(err)
	}
	return &controlplanev1.OrganizationServiceDeleteResponse{}, nil
}

// Update would change settings that nothing here obeys.
func (organizations) Update(context.Context, *controlplanev1.OrganizationServiceUpdateRequest) (*controlplanev1.OrganizationServiceUpdateResponse, error) {
	return nil, unimplemented("organizations have no settings", "nothing needs to be changed")
}

// byName returns a living organization.
func (s *Server) byName(ctx context.Context, name string) (org.Organization, error) {
	parsed, err := parseName(name)
	if err != nil {
		return org.Organization{}, err
	}
	o, err := s.cfg.Store.OrganizationByName(ctx, parsed)
	if err != nil {
		return org.Organization{}, notThere(err, name)
	}
	return o, nil
}

// notThere is unavailable for an organization that was asked for by name or id.
func notThere(err error, which string) error {
	if errors.Is(err, registry.ErrNotFound) {
		return problem.Wrap(err, problem.NotFound, "there is no organization "+which, "see organization list, or organization list --deleted")
	}
	return unavailable(err)
}

// parseNewName is parseName for an organization that is to get the name.
func parseNewName(name string) (org.Name, error) {
	parsed, err := parseName(name)
	if err == nil {
		if _, err = org.ParseNewName(name); err != nil {
			return "", problem.Wrap(err, problem.Invalid, "the name is reserved", "choose another one (docs/limits.md)")
		}
	}
	return parsed, err
}

func parseName(name string) (org.Name, error) {
	parsed, err := org.ParseName(name)
	if err != nil {
		return "", problem.Wrap(err, problem.Invalid, "that is not a name for an organization",
			"use 1 to 63 lowercase letters, digits and inner hyphens, and no UUID")
	}
	return parsed, nil
}
