package controlplane

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

type users struct {
	controlplanev1.UnimplementedUserServiceServer
	server *Server
}

// ListMemberships lists the organizations that the caller can act in.
func (u users) ListMemberships(ctx context.Context, _ *controlplanev1.UserServiceListMembershipsRequest) (*controlplanev1.UserServiceListMembershipsResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	items, err := u.server.memberships(ctx, caller)
	if err != nil {
		return nil, err
	}
	return &controlplanev1.UserServiceListMembershipsResponse{Result: items}, nil
}

// memberships are a user's own; for tokens they are made up: an organization token is in
// its organization, and an instance token in every one. Of more than are listed at once the
// first ones are, and the answer says so.
func (s *Server) memberships(ctx context.Context, caller auth.Caller) ([]*controlplanev1.OrgMembershipItem, error) {
	var items []*controlplanev1.OrgMembershipItem
	user, isUser := caller.User()
	if own, ok := caller.Organization(); ok && !isUser && !caller.Instance() {
		return append(items, membershipItem(caller, own)), nil
	}
	for after := org.Name(""); ; {
		var page []org.Organization
		var held []registry.Membership
		var err error
		if isUser {
			held, page, err = s.cfg.Store.MembershipsOf(ctx, user.ID, after, pageSize)
		} else {
			page, err = s.cfg.Store.ListOrganizations(ctx, after, pageSize)
		}
		if err != nil {
			return nil, unavailable(err)
		}
		for i, o := range page {
			if len(items) == s.listed {
				leaveOff(ctx, fmt.Sprintf("only the first %d organizations are listed", s.listed))
				return items, nil
			}
			item := membershipItem(caller, o)
			if isUser {
				item = userMembershipItem(held[i], user, o)
			}
			items = append(items, item)
		}
		if len(page) < pageSize {
			return items, nil
		}
		after = page[len(page)-1].Name
	}
}

// SetCurrentMembership sets the organization of a user's calls that name none.
func (u users) SetCurrentMembership(ctx context.Context, req *controlplanev1.SetCurrentMembershipRequest) (*controlplanev1.SetCurrentMembershipResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	user, _ := caller.User()
	id, err := uuid.Parse(req.GetMembershipId())
	if err != nil {
		return nil, errNoMembership(err)
	}
	held, o, err := u.server.cfg.Store.MembershipOf(ctx, user.ID, id)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, errNoMembership(err)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	if err := u.server.cfg.Store.SetCurrentOrganization(ctx, user.ID, o.ID); err != nil {
		return nil, unavailable(err)
	}
	item := userMembershipItem(held, user, o)
	item.Current = true
	return &controlplanev1.SetCurrentMembershipResponse{Result: item}, nil
}

func errNoMembership(cause error) error {
	return problem.Wrap(cause, problem.NotFound, "you have no such membership", "see organization list")
}

// becomesCurrent makes an organization that somebody has just come to their current one, if
// they had none. What went before is done and stays done: that they have to name the
// organization is said in the log.
func (s *Server) becomesCurrent(ctx context.Context, user registry.User, id org.ID) {
	if !user.Current.IsZero() {
		return
	}
	if err := s.cfg.Store.SetCurrentOrganization(ctx, user.ID, id); err != nil {
		s.cfg.Log.WarnContext(ctx, "set the current organization of a user", "user", user.ID.String(), "org", id.String(), "error", err)
	}
}

// ListMemberships lists a page of an organization's members.
func (s organizations) ListMemberships(ctx context.Context, req *controlplanev1.OrganizationServiceListMembershipsRequest) (*controlplanev1.OrganizationServiceListMembershipsResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	if !printable(req.GetName(), maxMemberFilter) || !printable(req.GetEmail(), maxEmail) {
		return nil, problem.New(problem.Invalid, "that is not the name or the address of a member", "use what can be printed, at most 254 bytes")
	}
	filter := registry.MemberFilter{Name: req.GetName(), Email: req.GetEmail(), Role: roleOf(req.GetRole())}
	if filter.Role == "" && req.GetRole() != controlplanev1.MembershipRole_MEMBERSHIP_ROLE_UNSPECIFIED {
		return nil, problem.New(problem.Invalid, "that is not a role in an organization", "use viewer, contributor, member, admin or owner")
	}
	if text := req.GetMembershipId(); text != "" {
		if filter.Membership, err = uuid.Parse(text); err != nil {
			return nil, problem.Wrap(err, problem.Invalid, "that is not the id of a membership", "use one that organization members shows")
		}
	}
	page, size, err := offsetPage(req.GetPagination())
	if err != nil {
		return nil, err
	}
	list, total, err := s.server.cfg.Store.Members(ctx, o.ID, filter, (page-1)*size, size)
	if err != nil {
		return nil, unavailable(err)
	}
	resp := &controlplanev1.OrganizationServiceListMembershipsResponse{Pagination: &controlplanev1.OffsetPaginationResponse{
		Page: int32(page), PageSize: int32(size), TotalCount: int32(total), TotalPages: int32((int(total) + size - 1) / size),
	}}
	for _, m := range list {
		resp.Result = append(resp.Result, userMembershipItem(m.Membership, m.User, o))
	}
	return resp, nil
}

// maxMemberFilter bounds the part of a name that members are looked for by, in bytes.
const maxMemberFilter = 254

// maxPage keeps the offset of a page within what a database counts.
const maxPage = 1_000_000

// offsetPage reads a page's number, from 1, and size, 1 to 100 (facts WIRE §7.2).
func offsetPage(req *controlplanev1.OffsetPaginationRequest) (page, size int, err error) {
	page, size = int(req.GetPage()), int(req.GetPageSize())
	if page == 0 {
		page = 1
	}
	if size == 0 {
		size = pageSize
	}
	if page < 1 || page > maxPage || size < 1 || size > pageSize {
		return 0, 0, problem.New(problem.Invalid, "there is no such page", "use a page from 1 and a page size from 1 to 100")
	}
	return page, size, nil
}

// userMembershipItem shows a user's membership.
func userMembershipItem(m registry.Membership, u registry.User, o org.Organization) *controlplanev1.OrgMembershipItem {
	return &controlplanev1.OrgMembershipItem{
		Id: m.ID.String(), Org: organizationItem(o), User: personItem(u), Role: roleItems[m.Role], Current: u.Current == o.ID,
		CreatedAt: timestamp(m.CreatedAt), UpdatedAt: timestamp(m.UpdatedAt),
	}
}

// personItem shows a user who has signed in.
func personItem(u registry.User) *controlplanev1.User {
	return &controlplanev1.User{
		Id: u.ID.String(), Email: u.Name(), FirstName: u.FirstName, LastName: u.LastName, InstanceAdmin: u.InstanceAdmin,
		CreatedAt: timestamp(u.CreatedAt), UpdatedAt: timestamp(u.UpdatedAt),
	}
}
