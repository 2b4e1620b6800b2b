package database

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/registry"
)

// TestReplacedTokens: the successor is there and the other taken back, or neither.
func TestReplacedTokens(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		db := openTarget(t, target)
		o, other := newOrganization(), newOrganization()
		other.Name = "globex"
		must(t, db.CreateOrganization(t.Context(), o))
		must(t, db.CreateOrganization(t.Context(), other))
		token := func(owner registry.Token, content string) registry.Token {
			owner.ID, owner.Sum, owner.CreatedAt = uuid.New(), sha256.Sum256([]byte(content)), time.Now()
			return owner
		}
		first := token(registry.Token{Org: o.ID, Name: "ci"}, "first")
		elsewhere := token(registry.Token{Org: other.ID, Name: "ci"}, "elsewhere")
		must(t, db.CreateToken(t.Context(), first))
		must(t, db.CreateToken(t.Context(), elsewhere))
		living := func(want ...registry.Token) {
			t.Helper()
			for _, each := range []registry.Token{first, elsewhere} {
				got, err := db.Token(t.Context(), each.ID)
				must(t, err)
				wanted := false
				for _, w := range want {
					wanted = wanted || w.ID == each.ID
				}
				if got.Revoked() == wanted {
					t.Errorf("token %q of %s: revoked is %t", each.Name, each.Org, got.Revoked())
				}
			}
		}
		twice := token(registry.Token{Org: o.ID, Name: "ci"}, "x")
		twice.ID = elsewhere.ID // the database refuses it
		if err := db.ReplaceToken(t.Context(), twice); err == nil {
			t.Fatal("an id was given twice")
		}
		living(first, elsewhere)
		must(t, db.ReplaceToken(t.Context(), token(registry.Token{Org: o.ID, Name: "ci"}, "second")))
		living(elsewhere)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
