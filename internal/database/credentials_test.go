package database

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// TestTokenAndOrganization: both come as they are now, at every call: a token that was taken
// back a moment ago is.
func TestTokenAndOrganization(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		ctx, db := t.Context(), openTarget(t, target)
		o := newOrganization()
		if err := db.CreateOrganization(ctx, o); err != nil {
			t.Fatal(err)
		}
		own := registry.Token{ID: uuid.New(), Org: o.ID, Name: "ci", Sum: sha256.Sum256([]byte("own")), CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
		instance := registry.Token{ID: uuid.New(), Name: "admin", Sum: sha256.Sum256([]byte("instance")), CreatedAt: time.Now()}
		for _, token := range []registry.Token{own, instance} {
			if err := db.CreateToken(ctx, token); err != nil {
				t.Fatal(err)
			}
		}
		check := func(what string, id uuid.UUID, wantOrg org.ID) registry.Token {
			t.Helper()
			got, owner, err := db.TokenAndOrganization(ctx, id)
			alone, errAlone := db.Token(ctx, id)
			if err != nil || errAlone != nil || got != alone || owner.ID != wantOrg {
				t.Errorf("%s: %+v of %v, %v; the token alone is %+v, %v", what, got, owner.ID, err, alone, errAlone)
			}
			if wantOrg != (org.ID{}) {
				if whole, err := db.OrganizationByID(ctx, wantOrg); err != nil || owner != whole {
					t.Errorf("%s: owner %+v, want %+v, %v", what, owner, whole, err)
				}
			}
			return got
		}
		for range 3 { // prepared the first time
			check("an organization's", own.ID, o.ID)
			check("the installation's", instance.ID, org.ID{})
		}
		if err := db.RevokeToken(ctx, own.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := db.SetOrganizationState(ctx, o.ID, org.Degraded, "x"); err != nil {
			t.Fatal(err)
		}
		if !check("revoked", own.ID, o.ID).Revoked() {
			t.Error("a token that was taken back is not")
		}
		if _, _, err := db.TokenAndOrganization(ctx, uuid.New()); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("nobody's: %v, want ErrNotFound", err)
		}
	})
}
