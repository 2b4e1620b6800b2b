package controlplane

import (
	"context"
	"errors"
	"net/mail"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// Invitations is what the services need of a database for invitations.
type Invitations interface {
	// Invite stores an invitation in place of an open one of the same address;
	// registry.ErrTooMany when there are registry.MaxInvitations.
	Invite(ctx context.Context, i registry.Invitation) error
	// Invitations returns up to limit of an organization that can be accepted,
	// InvitationsFor those of an address.
	Invitations(ctx context.Context, id org.ID, limit int) ([]registry.Invitation, error)
	InvitationsFor(ctx context.Context, email string, limit int) ([]registry.Invitation, error)
	// RevokeInvitation takes an open one of an organization back, or fails with
	// registry.ErrNotFound.
	RevokeInvitation(ctx context.Context, id org.ID, invitation uuid.UUID, at time.Time) error
	// AcceptInvitation makes a user a member, if the invitation is open and its address
	// theirs (else registry.ErrNotFound); registry.ErrExists for one who is a member.
	AcceptInvitation(ctx context.Context, invitation uuid.UUID, u registry.User, now time.Time) (registry.Membership, error)
}

// The limits of invitations.
const (
	minInvitation     = time.Minute
	maxInvitation     = 30 * 24 * time.Hour
	defaultInvitation = 7 * 24 * time.Hour
	maxEmail          = 254 // bytes (RFC 3696, erratum 1690)
)

type invitations struct {
	managedcasv1.UnimplementedInvitationServiceServer
	server *Server
}

// noMemberYet refuses to invite somebody who is a member, who could not accept. Whose address
// nobody has verified may not be its owner.
func (s *Server) noMemberYet(ctx context.Context, o org.Organization, email string) error {
	members, _, err := s.cfg.Store.Members(ctx, o.ID, registry.MemberFilter{Email: email}, 0, pageSize)
	if err != nil {
		return unavailable(err)
	}
	for _, m := range members {
		if m.User.EmailVerified {
			return problem.New(problem.Exists, email+" is a member already", "give them another role with organization members set-role")
		}
	}
	return nil
}

// Create invites an address.
func (i invitations) Create(ctx context.Context, req *managedcasv1.InvitationServiceCreateRequest) (*managedcasv1.InvitationServiceCreateResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	email, err := parseEmail(req.GetEmail())
	if err != nil {
		return nil, err
	}
	role, err := parseRole(req.GetRole())
	if err != nil {
		return nil, err
	}
	if err := mayGovern(ctx, role); err != nil {
		return nil, err
	}
	if err := i.server.noMemberYet(ctx, o, email); err != nil {
		return nil, err
	}
	lifetime := defaultInvitation
	if d := req.GetExpiresIn(); d != nil {
		if lifetime = d.AsDuration(); d.CheckValid() != nil || lifetime < minInvitation || lifetime > maxInvitation {
			return nil, problem.New(problem.Invalid, "an invitation lasts 1 minute to 30 days", "leave the time out for 7 days")
		}
	}
	if o.State == org.Deleting {
		return nil, problem.New(problem.Precondition, "the organization is being deleted", "name another one")
	}
	caller, _ := auth.CallerFrom(ctx)
	now := time.Now().UTC()
	made := registry.Invitation{
		ID: uuid.New(), Org: o.ID, Email: email, Role: role, InvitedBy: caller.Subject(), CreatedAt: now, ExpiresAt: now.Add(lifetime),
	}
	if err := i.server.cfg.Store.Invite(ctx, made); err != nil {
		return nil, unavailable(err)
	}
	return &managedcasv1.InvitationServiceCreateResponse{Invitation: invitationItem(made, o)}, nil
}

// List shows the open invitations of the organization that the call acts in.
func (i invitations) List(ctx context.Context, _ *managedcasv1.InvitationServiceListRequest) (*managedcasv1.InvitationServiceListResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	list, err := i.server.cfg.Store.Invitations(ctx, o.ID, registry.MaxInvitations)
	if err != nil {
		return nil, unavailable(err)
	}
	resp := &managedcasv1.InvitationServiceListResponse{}
	for _, each := range list {
		resp.Invitations = append(resp.Invitations, invitationItem(each, o))
	}
	return resp, nil
}

// Revoke takes an open invitation back.
func (i invitations) Revoke(ctx context.Context, req *managedcasv1.InvitationServiceRevokeRequest) (*managedcasv1.InvitationServiceRevokeResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	id, err := invitationID(req.GetId())
	if err != nil {
		return nil, err
	}
	if err := i.server.cfg.Store.RevokeInvitation(ctx, o.ID, id, time.Now()); err != nil {
		return nil, unavailable(err)
	}
	return &managedcasv1.InvitationServiceRevokeResponse{}, nil
}

// ListMine shows the caller's own, if their provider has verified the address.
func (i invitations) ListMine(ctx context.Context, _ *managedcasv1.InvitationServiceListMineRequest) (*managedcasv1.InvitationServiceListMineResponse, error) {
	caller, _ := auth.CallerFrom(ctx)
	user, _ := caller.User()
	resp := &managedcasv1.InvitationServiceListMineResponse{}
	if !user.Has(user.Email) {
		return resp, nil
	}
	list, err := i.server.cfg.Store.InvitationsFor(ctx, user.Email, registry.MaxInvitations)
	if err != nil {
		return nil, unavailable(err)
	}
	for _, each := range list {
		o, err := i.server.cfg.Store.OrganizationByID(ctx, each.Org)
		if err != nil {
			return nil, unavailable(err)
		}
		if o.State != org.Deleting && o.State != org.Deleted {
			resp.Invitations = append(resp.Invitations, invitationItem(each, o))
		}
	}
	return resp, nil
}

// Accept makes the caller a member. The organization becomes their current one if they had
// none.
func (i invitations) Accept(ctx context.Context, req *managedcasv1.InvitationServiceAcceptRequest) (*managedcasv1.InvitationServiceAcceptResponse, error) {
	id, err := invitationID(req.GetId())
	if err != nil {
		return nil, err
	}
	caller, _ := auth.CallerFrom(ctx)
	user, _ := caller.User()
	made, err := i.server.cfg.Store.AcceptInvitation(ctx, id, user, time.Now())
	if errors.Is(err, registry.ErrExists) {
		return nil, problem.Wrap(err, problem.Exists, "you are a member of the organization already", "ask one of its admins for another role")
	}
	if err != nil {
		return nil, unavailable(err)
	}
	o, err := i.server.cfg.Store.OrganizationByID(ctx, made.Org)
	if err != nil {
		return nil, unavailable(err)
	}
	i.server.becomesCurrent(ctx, user, made.Org)
	return &managedcasv1.InvitationServiceAcceptResponse{Organization: string(o.Name), Role: string(made.Role)}, nil
}

func invitationID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, problem.Wrap(err, problem.Invalid, "that is not the id of an invitation", "use one that invitation list shows")
	}
	return id, nil
}

// parseEmail takes a bare address, with no name around it.
func parseEmail(text string) (string, error) {
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != text || len(text) > maxEmail {
		return "", problem.New(problem.Invalid, "that is not an e-mail address", "use one like ann@example.com, of at most 254 characters")
	}
	return registry.FoldAddress(text), nil
}

func invitationItem(i registry.Invitation, o org.Organization) *managedcasv1.Invitation {
	return &managedcasv1.Invitation{
		Id: i.ID.String(), Organization: string(o.Name), Email: i.Email, Role: string(i.Role), InvitedBy: i.InvitedBy,
		CreatedAt: timestamp(i.CreatedAt), ExpiresAt: timestamp(i.ExpiresAt),
	}
}
