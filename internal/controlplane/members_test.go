package controlplane_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/managedcas/managedcas/internal/controlplane"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// TestAnOrganizationGrows: a user makes an organization, invites somebody, and hands over.
func TestAnOrganizationGrows(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	_, ann := p.user(t, "ann")
	_, bob := p.user(t, "bob")
	if _, err := p.organizations().Create(as(t, ann, ""), &controlplanev1.OrganizationServiceCreateRequest{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	// It is ann's current one now: she need not name it.
	made, err := p.invitations().Create(as(t, ann, ""), &managedcasv1.InvitationServiceCreateRequest{Email: "Bob@example.com", Role: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	mine, err := p.invitations().ListMine(as(t, bob, ""), nil)
	if err != nil || len(mine.GetInvitations()) != 1 || mine.GetInvitations()[0].GetOrganization() != "acme" {
		t.Fatalf("bob's invitations: %v, %v", mine, err)
	}
	accept := &managedcasv1.InvitationServiceAcceptRequest{Id: made.GetInvitation().GetId()}
	_, err = p.invitations().Accept(as(t, ann, ""), accept)
	wantCode(t, "bob's invitation accepted by ann", err, codes.NotFound)
	if got, err := p.invitations().Accept(as(t, bob, ""), accept); err != nil || got.GetOrganization() != "acme" || got.GetRole() != "admin" {
		t.Fatalf("accepted: %v, %v", got, err)
	}
	list, err := p.organizations().ListMemberships(as(t, bob, ""), &controlplanev1.OrganizationServiceListMembershipsRequest{
		Role: new(controlplanev1.MembershipRole_MEMBERSHIP_ROLE_ORG_OWNER),
	})
	if err != nil || len(list.GetResult()) != 1 || list.GetResult()[0].GetUser().GetEmail() != "ann@example.com" || list.GetPagination().GetTotalCount() != 1 {
		t.Fatalf("owners: %v, %v", list, err)
	}
	annsMembership := list.GetResult()[0].GetId()

	_, err = p.invitations().Create(as(t, ann, ""), &managedcasv1.InvitationServiceCreateRequest{Email: "BOB@example.com", Role: "viewer"})
	wantCode(t, "a member invited", err, codes.AlreadyExists)

	// An admin governs whom an owner is not.
	_, err = p.members().SetRole(as(t, bob, ""), &managedcasv1.MemberServiceSetRoleRequest{MembershipId: annsMembership, Role: "viewer"})
	wantCode(t, "an owner demoted by an admin", err, codes.PermissionDenied)
	_, err = p.members().Remove(as(t, bob, ""), &managedcasv1.MemberServiceRemoveRequest{MembershipId: annsMembership})
	wantCode(t, "an owner removed by an admin", err, codes.PermissionDenied)
	_, err = p.invitations().Create(as(t, bob, ""), &managedcasv1.InvitationServiceCreateRequest{Email: "eve@example.com", Role: "owner"})
	wantCode(t, "an owner invited by an admin", err, codes.PermissionDenied)
	_, err = p.members().Leave(as(t, ann, ""), nil)
	wantCode(t, "the last owner leaves", err, codes.FailedPrecondition)

	bobs, err := p.users().ListMemberships(as(t, bob, ""), nil)
	if err != nil || len(bobs.GetResult()) != 1 {
		t.Fatalf("bob's memberships: %v, %v", bobs, err)
	}
	promote := &managedcasv1.MemberServiceSetRoleRequest{MembershipId: bobs.GetResult()[0].GetId(), Role: "owner"}
	_, err = p.members().SetRole(as(t, bob, ""), promote)
	wantCode(t, "an admin makes himself an owner", err, codes.PermissionDenied)
	if _, err := p.members().SetRole(as(t, ann, ""), promote); err != nil {
		t.Errorf("an owner makes another: %v", err)
	}
	if _, err := p.members().Leave(as(t, ann, ""), nil); err != nil {
		t.Errorf("one of two owners leaves: %v", err)
	}
	_, err = p.backends().List(as(t, ann, "acme"), nil)
	wantCode(t, "acme's backends for one who has left", err, codes.PermissionDenied)
	_, err = p.backends().List(as(t, ann, ""), nil)
	wantCode(t, "no organization's backends", err, codes.InvalidArgument)
}

func TestMembersOfOtherOrganizationsAreOutOfReach(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme, globex := p.organization(t, "acme", org.Ready), p.organization(t, "globex", org.Ready)
	ann, login := p.user(t, "ann")
	p.join(t, ann, acme, registry.Owner)
	bob, _ := p.user(t, "bob")
	theirs := p.join(t, bob, globex, registry.Viewer)
	_, err := p.members().SetRole(as(t, login, "acme"), &managedcasv1.MemberServiceSetRoleRequest{MembershipId: theirs.ID.String(), Role: "viewer"})
	wantCode(t, "globex's member given a role by acme's owner", err, codes.NotFound)
	_, err = p.members().Remove(as(t, login, "acme"), &managedcasv1.MemberServiceRemoveRequest{MembershipId: theirs.ID.String()})
	wantCode(t, "globex's member removed by acme's owner", err, codes.NotFound)
	_, err = p.users().SetCurrentMembership(as(t, login, ""), &controlplanev1.SetCurrentMembershipRequest{MembershipId: theirs.ID.String()})
	wantCode(t, "somebody else's membership made current", err, codes.NotFound)
	if list, err := p.organizations().ListMemberships(as(t, login, "acme"), &controlplanev1.OrganizationServiceListMembershipsRequest{MembershipId: new(theirs.ID.String())}); err != nil || len(list.GetResult()) != 0 {
		t.Errorf("globex's member listed in acme: %v, %v", list, err)
	}
	open, err := p.invitations().Create(as(t, p.token(t, org.Organization{}), "globex"), &managedcasv1.InvitationServiceCreateRequest{Email: "carl@example.com", Role: "viewer"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.invitations().Revoke(as(t, login, "acme"), &managedcasv1.InvitationServiceRevokeRequest{Id: open.GetInvitation().GetId()})
	wantCode(t, "globex's invitation revoked by acme's owner", err, codes.NotFound)
}

func TestOrganizationsMayBeLeftToAdministrators(t *testing.T) {
	t.Parallel()
	p := newPlaneOf(t, func(cfg *controlplane.Config) { cfg.RestrictOrganizationCreation = true })
	_, ann := p.user(t, "ann")
	create := &controlplanev1.OrganizationServiceCreateRequest{Name: "acme"}
	_, err := p.organizations().Create(as(t, ann, ""), create)
	wantCode(t, "made by a user", err, codes.PermissionDenied)
	_, err = p.organizations().Create(as(t, p.token(t, org.Organization{}), ""), create)
	wantCode(t, "made by an administrator", err, codes.OK)
}

func TestCurrentMembershipIsChosen(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	ann, login := p.user(t, "ann")
	for _, name := range []org.Name{"acme", "globex"} {
		p.join(t, ann, p.organization(t, name, org.Ready), registry.Member)
	}
	list, err := p.users().ListMemberships(as(t, login, ""), nil)
	if err != nil || len(list.GetResult()) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	second := list.GetResult()[1]
	if _, err := p.users().SetCurrentMembership(as(t, login, ""), &controlplanev1.SetCurrentMembershipRequest{MembershipId: second.GetId()}); err != nil {
		t.Fatal(err)
	}
	current, err := p.contexts().Current(as(t, login, ""), nil)
	if got := current.GetResult().GetCurrentMembership(); err != nil || got.GetOrg().GetName() != "globex" || !got.GetCurrent() {
		t.Errorf("current: %v, %v", current, err)
	}
}

func TestInvitationLimits(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	p.organization(t, "acme", org.Ready)
	token := p.token(t, org.Organization{})
	domain := strings.Repeat("a", 58) + strings.Repeat("."+strings.Repeat("b", 60), 3) + ".example" // 249 characters
	for what, tc := range map[string]struct {
		email, role string
		lasts       time.Duration
		want        codes.Code
	}{
		"the longest address":  {"1234@" + domain, "viewer", time.Hour, codes.OK},
		"a longer one":         {"12345@" + domain, "viewer", time.Hour, codes.InvalidArgument},
		"a name beside it":     {"Ann <ann@example.com>", "viewer", time.Hour, codes.InvalidArgument},
		"no address":           {"ann", "viewer", time.Hour, codes.InvalidArgument},
		"no role":              {"ann@example.com", "", time.Hour, codes.InvalidArgument},
		"another role":         {"ann@example.com", "root", time.Hour, codes.InvalidArgument},
		"the shortest":         {"ann@example.com", "viewer", time.Minute, codes.OK},
		"shorter":              {"ann@example.com", "viewer", time.Minute - 1, codes.InvalidArgument},
		"the longest lifetime": {"ann@example.com", "viewer", 30 * 24 * time.Hour, codes.OK},
		"longer":               {"ann@example.com", "viewer", 30*24*time.Hour + 1, codes.InvalidArgument},
	} {
		_, err := p.invitations().Create(as(t, token, "acme"), &managedcasv1.InvitationServiceCreateRequest{Email: tc.email, Role: tc.role, ExpiresIn: durationpb.New(tc.lasts)})
		wantCode(t, what, err, tc.want)
	}
}

// TestMembersAreLookedForByText: what no database can compare with is no reason to try again.
func TestMembersAreLookedForByText(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	p.join(t, first(p.user(t, "ann")), p.organization(t, "acme", org.Ready), registry.Viewer)
	ctx := as(t, p.token(t, org.Organization{}), "acme")
	for what, tc := range map[string]struct {
		name, email string
		want        codes.Code
	}{
		"a name":          {"nn", "", codes.OK},
		"the longest":     {strings.Repeat("x", 254), "", codes.OK},
		"a longer one":    {strings.Repeat("x", 255), "", codes.InvalidArgument},
		"NUL in it":       {"a\x00", "", codes.InvalidArgument},
		"NUL in an email": {"", "a\x00@example.com", codes.InvalidArgument},
		"a longer email":  {"", strings.Repeat("x", 255), codes.InvalidArgument},
	} {
		_, err := p.organizations().ListMemberships(ctx, &controlplanev1.OrganizationServiceListMembershipsRequest{Name: &tc.name, Email: &tc.email})
		wantCode(t, what, err, tc.want)
	}
	_, err := p.organizations().ListMemberships(ctx, &controlplanev1.OrganizationServiceListMembershipsRequest{Role: new(controlplanev1.MembershipRole(99))})
	wantCode(t, "a role that is none", err, codes.InvalidArgument)
}

func first[A, B any](a A, _ B) A { return a }

// TestAnInvitationToWhoIsAMember is refused, and not because a name is taken.
func TestAnInvitationToWhoIsAMember(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	ann, _ := p.user(t, "ann")
	p.join(t, ann, acme, registry.Viewer)
	_, err := p.invitations().Create(as(t, p.token(t, org.Organization{}), "acme"), &managedcasv1.InvitationServiceCreateRequest{Email: ann.Email, Role: "admin"})
	if wantCode(t, "invited", err, codes.AlreadyExists); err == nil || !strings.Contains(err.Error(), "is a member already") {
		t.Errorf("%v", err)
	}
}
