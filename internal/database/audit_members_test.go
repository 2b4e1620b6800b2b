package database_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// Who belongs to an organization, as what, and who signs in, is recorded, too.
func TestMembersAreAudited(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openAt(t, target)
		ctx, now := audit.WithOrigin(t.Context(), audit.Origin{Kind: audit.User, Subject: "ann"}), time.Now()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ann, err := db.SignIn(ctx, registry.Identity{Issuer: "i", Subject: "ann", Email: "ann@example.com", EmailVerified: true})
		must(err)
		bob, err := db.SignIn(ctx, registry.Identity{Issuer: "i", Subject: "bob", Email: "bob@example.com", EmailVerified: true})
		must(err)
		o := org.Organization{ID: org.NewID(), Name: "acme", State: org.Pending, CreatedAt: now, UpdatedAt: now}
		must(db.CreateOrganization(ctx, o, registry.NewMembership(o.ID, ann.ID, registry.Owner, now)))
		invite := func() registry.Invitation {
			i := registry.Invitation{ID: uuid.New(), Org: o.ID, Email: "bob@example.com", Role: registry.Viewer, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
			must(db.Invite(ctx, i))
			return i
		}
		must(db.RevokeInvitation(ctx, o.ID, invite().ID, now))
		invite() // and is replaced
		member, err := db.AcceptInvitation(ctx, invite().ID, bob, now)
		must(err)
		must(db.SetRole(ctx, o.ID, member.ID, registry.Viewer, registry.Admin))
		must(db.SetRole(ctx, o.ID, member.ID, registry.Viewer, registry.Admin)) // as it is
		must(db.RemoveMember(ctx, o.ID, member.ID, registry.Admin))
		if err := db.RemoveMember(ctx, o.ID, member.ID, registry.Admin); err == nil {
			t.Error("removed twice")
		}
		login := registry.Login{ID: uuid.New(), User: bob.ID, Client: "cli", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
		must(db.CreateLogin(ctx, login))
		must(db.RevokeLogin(ctx, bob.ID, login.ID, now))
		must(db.RevokeLogin(ctx, bob.ID, login.ID, now))
		for range 2 {
			must(db.SetInstanceAdmin(ctx, ann.ID, true))
		}
		must(db.AddSigningKey(ctx, registry.SigningKey{ID: "k", Use: registry.KeyUseCAS, PKCS8: []byte("secret"), CreatedAt: now}, ""))
		for of, want := range map[audit.Chain][]string{
			audit.Of(o.ID): {
				audit.OrganizationCreate, audit.MemberAdd, audit.InvitationCreate, audit.InvitationRevoke,
				audit.InvitationCreate, audit.InvitationRevoke, audit.InvitationCreate, audit.InvitationAccept, audit.MemberAdd, audit.MemberChange, audit.MemberRemove,
			},
			audit.Installation: {audit.OrganizationCreate, audit.LoginCreate, audit.LoginRevoke, audit.UserAdmin, audit.KeyCreate},
		} {
			records := chain(t, db, of)
			for i, r := range records {
				if i >= len(want) || r.Action != want[i] || r.Subject != "ann" {
					t.Errorf("%s: %d is %s of %s", of, i, r.Action, r.Subject)
				}
			}
			if len(records) != len(want) {
				t.Errorf("%s: %d records, want %d", of, len(records), len(want))
			}
		}
	})
}
