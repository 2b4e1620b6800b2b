package client_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/test/rig"
)

// member has somebody join an organization, and then say that they have another address.
func member(t *testing.T, r *rig.Rig, site rig.Site, subject, claims string) registry.Membership {
	t.Helper()
	who := registry.Identity{Issuer: "https://id.example", Subject: subject, Email: subject + "@example.com", EmailVerified: true}
	u, err := r.DB.SignIn(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	i := registry.Invitation{ID: uuid.New(), Org: site.Org, Email: u.Email, Role: registry.Viewer, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	if err := r.DB.Invite(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	m, err := r.DB.AcceptInvitation(t.Context(), i.ID, u, now)
	if err != nil {
		t.Fatal(err)
	}
	if claims != "" {
		who.Email, who.EmailVerified = claims, false
		if _, err := r.DB.SignIn(t.Context(), who); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// Who only claims an address is not whom an administrator means by it.
func TestMembersAreMeantByVerifiedAddresses(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.Options{})
	site := r.Site(t, "acme")
	admin := connect(t, site, func(cfg *client.Config) { cfg.Token, cfg.Org = site.AdminToken, "acme" })
	mallory := member(t, r, site, "mallory", "Boss@example.com")
	role := func(m registry.Membership) registry.Role {
		now, err := r.DB.Membership(t.Context(), m.Org, m.User)
		if err != nil {
			t.Fatal(err)
		}
		return now.Role
	}
	if err := admin.SetRole(t.Context(), "boss@example.com", "owner"); problem.KindOf(err) != problem.NotFound || role(mallory) != registry.Viewer {
		t.Errorf("before the boss is a member: %v, mallory is %s", err, role(mallory))
	}
	boss := member(t, r, site, "boss", "")
	if err := admin.SetRole(t.Context(), "BOSS@example.com", "owner"); err != nil || role(boss) != registry.Owner || role(mallory) != registry.Viewer {
		t.Errorf("%v, the boss is %s, mallory %s", err, role(boss), role(mallory))
	}
	if err := admin.RemoveMember(t.Context(), mallory.ID.String()); err != nil {
		t.Errorf("by id: %v", err)
	}
}
