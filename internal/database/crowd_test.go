package database_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// TestEverybodyAtOnce: as many as there are connections create an organization at the same
// moment, each for itself, and each has one: nobody is overtaken for ever.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		pools := []*database.DB{openAt(t, target), openAt(t, target)}
		var wg sync.WaitGroup
		for n := range 128 {
			wg.Go(func() {
				db := pools[n%len(pools)]
				u, err := db.SignIn(t.Context(), registry.Identity{
					Issuer: "https://id.example", Subject: fmt.Sprint(n), Email: fmt.Sprintf("%d@example.com", n), EmailVerified: true,
				})
				if err != nil {
					t.Error(err)
					return
				}
				for range 4 {
					o := org.Organization{ID: org.NewID(), State: org.Pending, CreatedAt: time.Now()}
					o.Name = org.Name("o" + o.ID.String()[24:])
					owner := registry.Membership{ID: uuid.New(), Org: o.ID, User: u.ID, Role: registry.Owner, CreatedAt: o.CreatedAt}
					if err := db.CreateOrganization(t.Context(), o, owner); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
}
