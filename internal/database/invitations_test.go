package database

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// insert writes rows past the code.
func insert[Row any](t *testing.T, db *DB, rows []Row) {
	t.Helper()
	for some := range slices.Chunk(rows, 500) {
		if _, err := db.write.NewInsert().Model(&some).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func invitationTo(id org.ID, email string, at time.Time) registry.Invitation {
	return registry.Invitation{ID: uuid.New(), Org: id, Email: email, Role: registry.Viewer, InvitedBy: "test", CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
}

// An organization has so many open invitations and no more; those whose time is over do not
// count, and are in nobody's way.
func TestInvitationsAreBounded(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx, db := t.Context(), openTarget(t, target)
		o := newOrganization()
		if err := db.CreateOrganization(ctx, o); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		fill := func(at time.Time) {
			t.Helper()
			var rows []invitationRow
			for n := range registry.MaxInvitations - 1 {
				rows = append(rows, invitationRow{
					ID: uuid.NewString(), OrgID: o.ID.String(), Email: fmt.Sprint(n, at.Unix(), "@example.com"), Role: "viewer",
					CreatedAt: instant(at), ExpiresAt: instant(at.Add(time.Hour)),
				})
			}
			insert(t, db, rows)
		}
		fill(now.Add(-2 * time.Hour))
		fill(now)
		last := invitationTo(o.ID, "last@example.com", now)
		if err := db.Invite(ctx, last); err != nil {
			t.Errorf("the last one that there may be: %v", err)
		}
		if err := db.Invite(ctx, invitationTo(o.ID, "more@example.com", now)); !errors.Is(err, registry.ErrTooMany) {
			t.Errorf("one more: %v, want ErrTooMany", err)
		}
		if err := db.Invite(ctx, invitationTo(o.ID, "LAST@example.com", now.Add(time.Minute))); err != nil {
			t.Errorf("in place of one that is there: %v", err)
		}
		if list, err := db.Invitations(ctx, o.ID, 2*registry.MaxInvitations); err != nil || len(list) != registry.MaxInvitations || list[0].Email != "last@example.com" {
			t.Errorf("%d are open, %v", len(list), err)
		}
		if err := db.Invite(ctx, invitationTo(o.ID, "more@example.com", now.Add(2*time.Hour))); err != nil {
			t.Errorf("when the time of the others is over: %v", err)
		}
	})
}

// Nobody becomes a member of what is being deleted.
func TestInvitationsEndWithTheirOrganization(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx, db := t.Context(), openTarget(t, target)
		ann := signIn(t, db, "ann")
		o := newOrganization()
		if err := db.CreateOrganization(ctx, o); err != nil {
			t.Fatal(err)
		}
		i := invitationTo(o.ID, ann.Email, time.Now())
		if err := db.Invite(ctx, i); err != nil {
			t.Fatal(err)
		}
		for _, state := range []org.State{org.Deleting, org.Deleted} {
			if _, err := db.SetOrganizationState(ctx, o.ID, state, ""); err != nil {
				t.Fatal(err)
			}
			if _, err := db.AcceptInvitation(ctx, i.ID, ann, time.Now()); !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("accepted when it is %s: %v, want ErrNotFound", state, err)
			}
		}
	})
}
