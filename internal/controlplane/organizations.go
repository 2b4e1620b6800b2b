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
func (s organizations) Create(ctx context.Context, req *controlplanev1.OrganizationServiceCreateRequest) (*controlplanev1.OrganizationServiceCreateResponse, error) {
	name, err := parseNewName(req.GetName())
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	o := org.Organization{ID: org.NewID(), Name: name, State: org.Pending, CreatedAt: now, UpdatedAt: now}
	if err := s.server.cfg.Store.CreateOrganization(ctx, o); err != nil {
		return nil, unavailable(err)
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

// ListMemberships lists who can act in the organization, as far as that is known: the
// caller can.
func (s organizations) ListMemberships(ctx context.Context, _ *controlplanev1.OrganizationServiceListMembershipsRequest) (*controlplanev1.OrganizationServiceListMembershipsResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	caller, _ := auth.CallerFrom(ctx)
	return &controlplanev1.OrganizationServiceListMembershipsResponse{
		Result:     []*controlplanev1.OrgMembershipItem{membershipItem(caller, o)},
		Pagination: &controlplanev1.OffsetPaginationResponse{Page: 1, PageSize: pageSize, TotalCount: 1, TotalPages: 1},
	}, nil
}

// reachable returns the organizations that a caller can act in: its own, or, for an
// instance token, all.
func (s *Server) reachable(ctx context.Context, caller auth.Caller) ([]org.Organization, error) {
	if !caller.Instance() {
		own, err := callerOrganization(ctx)
		return []org.Organization{own}, err
	}
	var all []org.Organization
	for after := org.Name(""); len(all) < maxListed; after = all[len(all)-1].Name {
		page, err := s.cfg.Store.ListOrganizations(ctx, after, pageSize)
		if err != nil {
			return nil, unavailable(err)
		}
		if all = append(all, page...); len(page) < pageSize {
			break
		}
	}
	return all, nil
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
