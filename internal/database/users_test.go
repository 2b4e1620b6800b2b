package database

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

func signIn(t *testing.T, db *DB, subject string) registry.User {
	t.Helper()
	u, err := db.SignIn(t.Context(), registry.Identity{
		Issuer: "https://id.example", Subject: subject, Email: subject + "@example.com", EmailVerified: true, FirstName: subject, LastName: "Doe",
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestSigningInAgainIsTheSameUser(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		first := signIn(t, db, "ann")
		again, err := db.SignIn(t.Context(), registry.Identity{Issuer: "https://id.example", Subject: "ann", Email: "ann@new.example"})
		if err != nil || again.ID != first.ID || again.Email != "ann@new.example" || again.EmailVerified {
			t.Errorf("signed in again: %+v, %v; want the user %s with the new address, unverified", again, err, first.ID)
		}
		other, err := db.SignIn(t.Context(), registry.Identity{Issuer: "https://other.example", Subject: "ann", Email: "ann@new.example"})
		if err != nil || other.ID == first.ID {
			t.Errorf("another provider's ann is user %s, %v: the same as %s", other.ID, err, first.ID)
		}
	})
}

func TestAnOrganizationKeepsAnOwner(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		ann, bob := signIn(t, db, "ann"), signIn(t, db, "bob")
		o := newOrganization()
		first := registry.NewMembership(o.ID, ann.ID, registry.Owner, time.Now())
		if err := db.CreateOrganization(t.Context(), o, first); err != nil {
			t.Fatal(err)
		}
		if err := db.SetRole(t.Context(), o.ID, first.ID, registry.Owner, registry.Admin); !errors.Is(err, registry.ErrLastOwner) {
			t.Errorf("the last owner made an admin: %v", err)
		}
		if err := db.RemoveMember(t.Context(), o.ID, first.ID, registry.Owner); !errors.Is(err, registry.ErrLastOwner) {
			t.Errorf("the last owner removed: %v", err)
		}
		second := invited(t, db, o.ID, bob, registry.Owner)
		if err := db.SetCurrentOrganization(t.Context(), ann.ID, o.ID); err != nil {
			t.Error(err)
		}
		if err := db.RemoveMember(t.Context(), org.NewID(), first.ID, registry.Owner); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("removed as another organization's: %v", err)
		}
		// An admin who saw an admin, and comes when that is an owner, is too late.
		if err := db.SetRole(t.Context(), o.ID, first.ID, registry.Admin, registry.Viewer); !errors.Is(err, registry.ErrConflict) {
			t.Errorf("an owner, seen as an admin, made a viewer: %v", err)
		}
		if err := db.RemoveMember(t.Context(), o.ID, first.ID, registry.Admin); !errors.Is(err, registry.ErrConflict) {
			t.Errorf("an owner, seen as an admin, removed: %v", err)
		}
		if err := db.RemoveMember(t.Context(), o.ID, first.ID, registry.Owner); err != nil {
			t.Errorf("one of two owners: %v", err)
		}
		if u, err := db.User(t.Context(), ann.ID); err != nil || !u.Current.IsZero() {
			t.Errorf("removed, and still in %s: %v", u.Current, err)
		}
		if err := db.SetCurrentOrganization(t.Context(), ann.ID, o.ID); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("current organization of one who is no member: %v", err)
		}
		if err := db.SetRole(t.Context(), o.ID, second.ID, registry.Owner, registry.Viewer); !errors.Is(err, registry.ErrLastOwner) {
			t.Errorf("the owner who is left made a viewer: %v", err)
		}
	})
}

// invited has a user invited, and accept.
func invited(t *testing.T, db *DB, id org.ID, u registry.User, role registry.Role) registry.Membership {
	t.Helper()
	now := time.Now()
	i := registry.Invitation{ID: uuid.New(), Org: id, Email: u.Email, Role: role, InvitedBy: "test", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	if err := db.Invite(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	m, err := db.AcceptInvitation(t.Context(), i.ID, u, now)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestInvitationsAreForTheirAddressOnceAndForAWhile(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		ann, bob := signIn(t, db, "ann"), signIn(t, db, "bob")
		o := newOrganization()
		if err := db.CreateOrganization(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		invite := func() registry.Invitation {
			i := registry.Invitation{ID: uuid.New(), Org: o.ID, Email: "Ann@Example.com", Role: registry.Admin, InvitedBy: "test", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
			if err := db.Invite(t.Context(), i); err != nil {
				t.Fatal(err)
			}
			return i
		}
		replaced, open := invite(), invite()
		if list, err := db.InvitationsFor(t.Context(), strings.ToUpper(ann.Email), 10); err != nil || len(list) != 1 || list[0].ID != open.ID {
			t.Errorf("open for ann: %v, %v; want the second alone", list, err)
		}
		unverified := ann
		unverified.EmailVerified = false
		for what, accept := range map[string]func() error{
			"a replaced one":           func() error { _, err := db.AcceptInvitation(t.Context(), replaced.ID, ann, now); return err },
			"somebody else's":          func() error { _, err := db.AcceptInvitation(t.Context(), open.ID, bob, now); return err },
			"an address not verified":  func() error { _, err := db.AcceptInvitation(t.Context(), open.ID, unverified, now); return err },
			"at the end of its time":   func() error { _, err := db.AcceptInvitation(t.Context(), open.ID, ann, open.ExpiresAt); return err },
			"revoked as another org's": func() error { return db.RevokeInvitation(t.Context(), org.NewID(), open.ID, now) },
		} {
			if err := accept(); !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("%s: %v, want not found", what, err)
			}
		}
		m, err := db.AcceptInvitation(t.Context(), open.ID, ann, now)
		if err != nil || m.Role != registry.Admin || m.User != ann.ID {
			t.Errorf("accepted: %+v, %v", m, err)
		}
		if _, err := db.AcceptInvitation(t.Context(), open.ID, ann, now); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("accepted twice: %v", err)
		}
		more := invite()
		if _, err := db.AcceptInvitation(t.Context(), more.ID, ann, now); !errors.Is(err, registry.ErrExists) {
			t.Errorf("accepted by a member: %v", err)
		}
		members, total, err := db.Members(t.Context(), o.ID, registry.MemberFilter{Name: "NN D"}, 0, 10)
		if err != nil || total != 1 || len(members) != 1 || members[0].User.Email != ann.Email || members[0].Role != registry.Admin {
			t.Errorf("members: %+v of %d, %v", members, total, err)
		}
		if _, total, err := db.Members(t.Context(), o.ID, registry.MemberFilter{Name: "%"}, 0, 10); err != nil || total != 0 {
			t.Errorf("members named %%: %d, %v", total, err)
		}
		if list, organizations, err := db.MembershipsOf(t.Context(), ann.ID, "", 10); err != nil || len(list) != 1 || organizations[0].ID != o.ID {
			t.Errorf("ann's memberships: %v, %v", list, err)
		}
	})
}

func TestLoginsBelongToTheirUser(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		ann, bob := signIn(t, db, "ann"), signIn(t, db, "bob")
		now := time.Now()
		old := registry.Login{ID: uuid.New(), Sum: [32]byte{1}, User: ann.ID, Client: "laptop", CreatedAt: now.Add(-2 * time.Hour), ExpiresAt: now.Add(-time.Hour)}
		fresh := registry.Login{ID: uuid.New(), Sum: [32]byte{2}, User: ann.ID, Client: "browser", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
		for _, l := range []registry.Login{old, fresh} {
			if err := db.CreateLogin(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		if list, err := db.Logins(t.Context(), ann.ID); err != nil || len(list) != 1 || list[0].ID != fresh.ID {
			t.Errorf("logins: %v, %v; want the fresh one alone", list, err)
		}
		if err := db.RevokeLogin(t.Context(), bob.ID, fresh.ID, now); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("revoked by somebody else: %v", err)
		}
		if err := db.RevokeLogin(t.Context(), ann.ID, fresh.ID, now); err != nil {
			t.Error(err)
		}
		l, u, err := db.Login(t.Context(), fresh.ID)
		if err != nil || u.ID != ann.ID || l.RevokedAt.IsZero() || l.Sum != fresh.Sum {
			t.Errorf("login: %+v of %s, %v", l, u.ID, err)
		}
	})
}

// Who signs in ever again has so many logins and no more: the oldest ends.
func TestLoginsAreBounded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		ann, bob, now := signIn(t, db, "ann"), signIn(t, db, "bob"), time.Now()
		login := func(u registry.User, n int) registry.Login {
			at := now.Add(time.Duration(n) * time.Second)
			return registry.Login{ID: uuid.New(), Sum: sha256.Sum256(fmt.Append(nil, u.Email, n)), User: u.ID, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
		}
		create := func(l registry.Login) registry.Login {
			t.Helper()
			if err := db.CreateLogin(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			return l
		}
		other, first := create(login(bob, 0)), create(login(ann, 0))
		for n := range registry.MaxLogins - 1 {
			create(login(ann, n+1))
		}
		ended := func(l registry.Login) bool {
			t.Helper()
			got, _, err := db.Login(t.Context(), l.ID)
			if err != nil {
				t.Fatal(err)
			}
			return !got.RevokedAt.IsZero()
		}
		if ended(first) {
			t.Error("the first ended when there was room for it")
		}
		last := create(login(ann, registry.MaxLogins))
		if !ended(first) || ended(last) || ended(other) {
			t.Errorf("the first ended: %t; the last: %t; another user's: %t", ended(first), ended(last), ended(other))
		}
		if list, err := db.Logins(t.Context(), ann.ID); err != nil || len(list) != registry.MaxLogins || list[0].ID != last.ID {
			t.Errorf("%d logins, %v", len(list), err)
		}
	})
}
