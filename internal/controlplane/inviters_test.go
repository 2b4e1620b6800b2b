package controlplane_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
	managedcasv1 "github.com/managedcas/managedcas/proto/managedcas/v1"
)

// invited returns whom the open invitations of an organization are to, without the domain.
func (p *plane) invited(t *testing.T, login, organization string) []string {
	t.Helper()
	list, err := p.invitations().List(as(t, login, organization), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range list.GetInvitations() {
		name, _, _ := strings.Cut(i.GetEmail(), "@")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestInvitationsEndWithTheirInviter changes the role of somebody who has invited one accomplice
// to each role, and reads which invitations are left.
func TestInvitationsEndWithTheirInviter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name          string
		before, after registry.Role // "" removes
		left          []string
	}{
		{"an owner who is an admin now", registry.Owner, registry.Admin, []string{"admin", "anns", "viewer"}},
		{"an owner who is a member now", registry.Owner, registry.Member, []string{"anns"}},
		{"an owner who was removed", registry.Owner, "", []string{"anns"}},
		{"an admin who is an owner now", registry.Admin, registry.Owner, []string{"admin", "anns", "viewer"}},
		{"an admin who is a contributor now", registry.Admin, registry.Contributor, []string{"anns"}},
		{"an admin who was removed", registry.Admin, "", []string{"anns"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newPlane(t)
			acme, globex := p.organization(t, "acme", org.Ready), p.organization(t, "globex", org.Ready)
			ann, annsLogin := p.user(t, "ann")
			eve, evesLogin := p.user(t, "eve")
			p.join(t, ann, acme, registry.Owner)
			membership := p.join(t, eve, acme, tc.before)
			p.join(t, eve, globex, registry.Owner)

			invite := func(login, organization, email, role string) {
				t.Helper()
				_, err := p.invitations().Create(as(t, login, organization), &managedcasv1.InvitationServiceCreateRequest{Email: email, Role: role})
				if err != nil {
					t.Fatalf("invite %s to %s: %v", email, organization, err)
				}
			}
			roles := []string{"admin", "viewer"}
			if tc.before == registry.Owner {
				roles = append(roles, "owner")
			}
			for _, role := range roles {
				invite(evesLogin, "acme", role+"@example.com", role)
			}
			invite(annsLogin, "acme", "anns@example.com", "owner")
			invite(evesLogin, "globex", "elsewhere@example.com", "owner")

			var err error
			if tc.after == "" {
				_, err = p.members().Remove(as(t, annsLogin, "acme"), &managedcasv1.MemberServiceRemoveRequest{MembershipId: membership.ID.String()})
			} else {
				_, err = p.members().SetRole(as(t, annsLogin, "acme"), &managedcasv1.MemberServiceSetRoleRequest{MembershipId: membership.ID.String(), Role: string(tc.after)})
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := p.invited(t, annsLogin, "acme"); !slices.Equal(got, tc.left) {
				t.Errorf("open in acme: %q, want %q", got, tc.left)
			}
			if got := p.invited(t, evesLogin, "globex"); !slices.Equal(got, []string{"elsewhere"}) {
				t.Errorf("open in globex, where eve owns: %q", got)
			}
		})
	}
}

// TestInvitationsEndWhenTheirInviterLeaves is the way out that an accomplice would take.
func TestInvitationsEndWhenTheirInviterLeaves(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	acme := p.organization(t, "acme", org.Ready)
	ann, annsLogin := p.user(t, "ann")
	eve, evesLogin := p.user(t, "eve")
	_, maliLogin := p.user(t, "mali")
	p.join(t, ann, acme, registry.Owner)
	p.join(t, eve, acme, registry.Admin)
	made, err := p.invitations().Create(as(t, evesLogin, "acme"), &managedcasv1.InvitationServiceCreateRequest{Email: "mali@example.com", Role: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.members().Leave(as(t, evesLogin, "acme"), nil); err != nil {
		t.Fatal(err)
	}
	_, err = p.invitations().Accept(as(t, maliLogin, ""), &managedcasv1.InvitationServiceAcceptRequest{Id: made.GetInvitation().GetId()})
	wantCode(t, "an invitation whose inviter has left", err, codes.NotFound)
	if got := p.invited(t, annsLogin, "acme"); len(got) != 0 {
		t.Errorf("open: %q", got)
	}
}
