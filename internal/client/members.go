package client

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/managedcas/managedcas/internal/problem"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Member is a member of an organization.
type Member struct {
	ID       string    `json:"id"` // of the membership
	Email    string    `json:"email"`
	Name     string    `json:"name,omitempty"`
	Role     string    `json:"role"`
	JoinedAt time.Time `json:"joinedAt"`
}

// Members lists the members of the organization.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	return c.membersLike(ctx, &controlplanev1.OrganizationServiceListMembershipsRequest{})
}

// membersPerPage is the most that a server gives at once (facts WIRE §7.2).
const membersPerPage = 100

func (c *Client) membersLike(ctx context.Context, request *controlplanev1.OrganizationServiceListMembershipsRequest) ([]Member, error) {
	members := []Member{}
	for page := int32(1); ; page++ {
		request.Pagination = &controlplanev1.OffsetPaginationRequest{Page: page, PageSize: membersPerPage}
		answer, err := controlplanev1.NewOrganizationServiceClient(c.controlPlane).ListMemberships(c.call(ctx), request)
		if err != nil {
			return nil, failed(err)
		}
		for _, m := range answer.GetResult() {
			members = append(members, Member{
				ID: m.GetId(), Email: m.GetUser().GetEmail(), Role: roles[m.GetRole()], JoinedAt: m.GetCreatedAt().AsTime(),
				Name: strings.TrimSpace(m.GetUser().GetFirstName() + " " + m.GetUser().GetLastName()),
			})
		}
		if len(answer.GetResult()) == 0 || page >= answer.GetPagination().GetTotalPages() {
			return members, nil
		}
	}
}

// membership returns the id of a membership, which may be given by its member's address, if
// that is verified: of others the server says that they are not.
func (c *Client) membership(ctx context.Context, who string) (string, error) {
	if _, err := uuid.Parse(who); err == nil {
		return who, nil
	}
	found, err := c.membersLike(ctx, &controlplanev1.OrganizationServiceListMembershipsRequest{Email: &who})
	if err != nil {
		return "", err
	}
	found = slices.DeleteFunc(found, func(m Member) bool { return !strings.EqualFold(m.Email, who) })
	switch {
	case len(found) == 0:
		return "", problem.New(problem.NotFound, "the organization has no member whose verified address is "+who, "see organization members list")
	case len(found) > 1: // two providers may know the same address
		return "", problem.New(problem.Invalid, "the organization has several members "+who, "use an id of organization members list")
	}
	return found[0].ID, nil
}

// SetRole gives a member, by address or id, another role.
func (c *Client) SetRole(ctx context.Context, who, role string) error {
	id, err := c.membership(ctx, who)
	if err != nil {
		return err
	}
	_, err = managedcasv1.NewMemberServiceClient(c.controlPlane).SetRole(c.call(ctx), &managedcasv1.MemberServiceSetRoleRequest{MembershipId: id, Role: role})
	return failed(err)
}

// RemoveMember ends a membership, by address or id.
func (c *Client) RemoveMember(ctx context.Context, who string) error {
	id, err := c.membership(ctx, who)
	if err != nil {
		return err
	}
	_, err = managedcasv1.NewMemberServiceClient(c.controlPlane).Remove(c.call(ctx), &managedcasv1.MemberServiceRemoveRequest{MembershipId: id})
	return failed(err)
}

// Leave ends the caller's own membership.
func (c *Client) Leave(ctx context.Context) error {
	_, err := managedcasv1.NewMemberServiceClient(c.controlPlane).Leave(c.call(ctx), &managedcasv1.MemberServiceLeaveRequest{})
	return failed(err)
}

// Invitation lets the owner of an address become a member.
type Invitation struct {
	ID           string    `json:"id"`
	Organization string    `json:"organization"`
	Email        string    `json:"email"`
	Role         string    `json:"role"`
	InvitedBy    string    `json:"invitedBy"`
	ExpiresAt    time.Time `json:"expiresAt"`
}

func invitation(i *managedcasv1.Invitation) Invitation {
	return Invitation{
		ID: i.GetId(), Organization: i.GetOrganization(), Email: i.GetEmail(), Role: i.GetRole(), InvitedBy: i.GetInvitedBy(), ExpiresAt: i.GetExpiresAt().AsTime(),
	}
}

// Invite invites an address; for a week when lifetime is 0.
func (c *Client) Invite(ctx context.Context, email, role string, lifetime time.Duration) (Invitation, error) {
	request := &managedcasv1.InvitationServiceCreateRequest{Email: email, Role: role}
	if lifetime != 0 {
		request.ExpiresIn = durationpb.New(lifetime)
	}
	answer, err := managedcasv1.NewInvitationServiceClient(c.controlPlane).Create(c.call(ctx), request)
	if err != nil {
		return Invitation{}, failed(err)
	}
	return invitation(answer.GetInvitation()), nil
}

// Invitations lists the organization's open invitations, or the caller's own.
func (c *Client) Invitations(ctx context.Context, mine bool) ([]Invitation, error) {
	service := managedcasv1.NewInvitationServiceClient(c.controlPlane)
	var open []*managedcasv1.Invitation
	if mine {
		answer, err := service.ListMine(c.call(ctx), &managedcasv1.InvitationServiceListMineRequest{})
		if err != nil {
			return nil, failed(err)
		}
		open = answer.GetInvitations()
	} else {
		answer, err := service.List(c.call(ctx), &managedcasv1.InvitationServiceListRequest{})
		if err != nil {
			return nil, failed(err)
		}
		open = answer.GetInvitations()
	}
	list := make([]Invitation, 0, len(open))
	for _, i := range open {
		list = append(list, invitation(i))
	}
	return list, nil
}

// RevokeInvitation takes an invitation of the organization back.
func (c *Client) RevokeInvitation(ctx context.Context, id string) error {
	_, err := managedcasv1.NewInvitationServiceClient(c.controlPlane).Revoke(c.call(ctx), &managedcasv1.InvitationServiceRevokeRequest{Id: id})
	return failed(err)
}

// AcceptInvitation makes the caller a member.
func (c *Client) AcceptInvitation(ctx context.Context, id string) (organization, role string, err error) {
	answer, err := managedcasv1.NewInvitationServiceClient(c.controlPlane).Accept(c.call(ctx), &managedcasv1.InvitationServiceAcceptRequest{Id: id})
	return answer.GetOrganization(), answer.GetRole(), failed(err)
}
