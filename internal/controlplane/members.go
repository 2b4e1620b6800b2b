package controlplane

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Members is what the services need of a database for memberships.
type Members interface {
	// Membership returns a user's membership in an organization, or registry.ErrNotFound.
	Membership(ctx context.Context, id org.ID, user uuid.UUID) (registry.Membership, error)
	// MembershipsOf returns up to limit memberships of a user in living organizations, in
	// the order of the organizations' names from the first after the given one.
	MembershipsOf(ctx context.Context, user uuid.UUID, after org.Name, limit int) ([]registry.Membership, []org.Organization, error)
	// MembershipOf returns a user's membership in a living organization by its id, and the
	// organization; registry.ErrNotFound when it is none of theirs.
	MembershipOf(ctx context.Context, user, membership uuid.UUID) (registry.Membership, org.Organization, error)
	// Members returns up to limit members of an organization after the first offset ones,
	// and how many there are in all.
	Members(ctx context.Context, id org.ID, filter registry.MemberFilter, offset, limit int) ([]registry.UserMembership, int64, error)
	// SetRole and RemoveMember change a membership of an organization that has the role that
	// was seen: registry.ErrNotFound when it is none of its, registry.ErrConflict when the
	// role is another by now, registry.ErrLastOwner when it is its last owner's.
	SetRole(ctx context.Context, id org.ID, membership uuid.UUID, seen, role registry.Role) error
	RemoveMember(ctx context.Context, id org.ID, membership uuid.UUID, seen registry.Role) error
	// SetCurrentOrganization sets the organization of a user's calls that name none;
	// registry.ErrNotFound unless the user is a member of it.
	SetCurrentOrganization(ctx context.Context, user uuid.UUID, id org.ID) error
}

type members struct {
	managedcasv1.UnimplementedMemberServiceServer
	server *Server
}

// SetRole gives a member another role.
func (m members) SetRole(ctx context.Context, req *managedcasv1.MemberServiceSetRoleRequest) (*managedcasv1.MemberServiceSetRoleResponse, error) {
	role, err := parseRole(req.GetRole())
	if err != nil {
		return nil, err
	}
	o, member, err := m.governed(ctx, req.GetMembershipId())
	if err != nil {
		return nil, err
	}
	if err := mayGovern(ctx, member.Role, role); err != nil {
		return nil, err
	}
	if err := m.server.cfg.Store.SetRole(ctx, o.ID, member.ID, member.Role, role); err != nil {
		return nil, unavailable(err)
	}
	return &managedcasv1.MemberServiceSetRoleResponse{}, nil
}

// Remove ends a membership. The user's logins stay, and reach the organization no more.
func (m members) Remove(ctx context.Context, req *managedcasv1.MemberServiceRemoveRequest) (*managedcasv1.MemberServiceRemoveResponse, error) {
	o, member, err := m.governed(ctx, req.GetMembershipId())
	if err != nil {
		return nil, err
	}
	if err := mayGovern(ctx, member.Role); err != nil {
		return nil, err
	}
	if err := m.server.cfg.Store.RemoveMember(ctx, o.ID, member.ID, member.Role); err != nil {
		return nil, unavailable(err)
	}
	return &managedcasv1.MemberServiceRemoveResponse{}, nil
}

// Leave ends the caller's membership.
func (m members) Leave(ctx context.Context, _ *managedcasv1.MemberServiceLeaveRequest) (*managedcasv1.MemberServiceLeaveResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	caller, _ := auth.CallerFrom(ctx)
	user, _ := caller.User()
	own, err := m.server.cfg.Store.Membership(ctx, o.ID, user.ID)
	if err != nil {
		return nil, unavailable(err)
	}
	if err := m.server.cfg.Store.RemoveMember(ctx, o.ID, own.ID, own.Role); err != nil {
		return nil, unavailable(err)
	}
	return &managedcasv1.MemberServiceLeaveResponse{}, nil
}

// governed finds a member of the organization that the call acts in.
func (m members) governed(ctx context.Context, membership string) (org.Organization, registry.UserMembership, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return org.Organization{}, registry.UserMembership{}, err
	}
	id, err := uuid.Parse(membership)
	if err != nil || id == uuid.Nil {
		return org.Organization{}, registry.UserMembership{}, problem.Wrap(err, problem.Invalid, "that is not the id of a membership", "use one that organization members shows")
	}
	found, _, err := m.server.cfg.Store.Members(ctx, o.ID, registry.MemberFilter{Membership: id}, 0, 1)
	switch {
	case err != nil:
		return org.Organization{}, registry.UserMembership{}, unavailable(err)
	case len(found) == 0:
		return org.Organization{}, registry.UserMembership{}, problem.New(problem.NotFound, "the organization has no such member", "see organization members")
	}
	return o, found[0], nil
}

// mayGovern lets administrators and owners do with any role, and admins with any but owner.
func mayGovern(ctx context.Context, roles ...registry.Role) error {
	caller, _ := auth.CallerFrom(ctx)
	for _, role := range roles {
		if role == registry.Owner && caller.Role() != registry.Owner && !caller.Instance() {
			return problem.New(problem.Denied, "only an owner makes, changes or removes owners", "ask one of the organization's owners")
		}
	}
	return nil
}

func parseRole(text string) (registry.Role, error) {
	role := registry.Role(text)
	if !role.AtLeast(registry.Viewer) {
		return "", problem.New(problem.Invalid, "that is not a role", "use viewer, contributor, member, admin or owner")
	}
	return role, nil
}

// roleIn returns a user's role in the organization of that name or id. Who is no member
// gets the same answer whether or not it exists, after as many lookups.
func (s *Server) roleIn(ctx context.Context, caller auth.Caller, which string) (registry.Role, error) {
	user, _ := caller.User()
	o, missing := s.byNameOrID(ctx, which)
	if kind := problem.KindOf(missing); missing != nil && kind != problem.NotFound {
		return "", missing
	}
	m, err := s.cfg.Store.Membership(ctx, o.ID, user.ID) // the zero organization has no members
	switch {
	case missing != nil:
		return "", errNoMember(missing)
	case errors.Is(err, registry.ErrNotFound):
		return "", errNoMember(err)
	case err != nil:
		return "", unavailable(err)
	}
	return m.Role, nil
}

func errNoMember(cause error) error {
	return problem.Wrap(cause, problem.Denied, "you are not a member of the organization named", "see your organizations with organization list").WithReason(reasonNotInOrg)
}

var roleItems = map[registry.Role]controlplanev1.MembershipRole{
	registry.Viewer:      controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_VIEWER,
	registry.Contributor: controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_CONTRIBUTOR,
	registry.Member:      controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_MEMBER,
	registry.Admin:       controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_ADMIN,
	registry.Owner:       controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_OWNER,
}

// roleOf is the inverse of roleItems; "" for what is none.
func roleOf(item controlplanev1.MembershipRole) registry.Role {
	for role, known := range roleItems {
		if known == item {
			return role
		}
	}
	return ""
}
