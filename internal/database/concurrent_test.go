package database_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// atOnce calls do from many goroutines, half of them on each of two processes' pools,
// and returns how often it succeeded. Every failure must be lost.
func atOnce(t *testing.T, pools []*database.DB, lost error, do func(ctx context.Context, db *database.DB, n int) error) int64 {
	t.Helper()
	var wg sync.WaitGroup
	var won atomic.Int64
	for n := range 16 {
		wg.Go(func() {
			switch err := do(t.Context(), pools[n%len(pools)], n); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, lost):
				t.Errorf("%v, want %v", err, lost)
			}
		})
	}
	wg.Wait()
	return won.Load()
}

// TestOneOfManyWins has two processes do at the same moment what only one may.
func TestOneOfManyWins(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		pools := []*database.DB{openAt(t, target), openAt(t, target)}
		for round := range 5 {
			name := org.Name(fmt.Sprintf("acme-%d", round))
			if won := atOnce(t, pools, registry.ErrExists, func(ctx context.Context, db *database.DB, _ int) error {
				return db.CreateOrganization(ctx, org.Organization{ID: org.NewID(), Name: name, State: org.Pending, CreatedAt: time.Now()})
			}); won != 1 {
				t.Errorf("%d organizations have the name %s", won, name)
			}
			o, err := pools[0].OrganizationByName(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if won := atOnce(t, pools, nil, func(ctx context.Context, db *database.DB, _ int) error {
				return db.SaveManagedBackend(ctx, o.ID)
			}); won != 16 {
				t.Errorf("the backend was saved %d times of 16", won)
			}
			if backends, err := pools[1].Backends(t.Context(), o.ID); err != nil || len(backends) != 1 || !backends[0].Default {
				t.Errorf("the backends are %+v, %v", backends, err)
			}
		}
		for _, use := range []registry.KeyUse{registry.KeyUseAPI, registry.KeyUseCAS} {
			if won := atOnce(t, pools, registry.ErrExists, func(ctx context.Context, db *database.DB, n int) error {
				return db.AddSigningKey(ctx, registry.SigningKey{ID: fmt.Sprint(use, n), Use: use, PKCS8: []byte{1}, CreatedAt: time.Now()}, "")
			}); won != 1 {
				t.Errorf("%d signing keys of use %s", won, use)
			}
		}
	})
}

// TestDeletionIsNotOverwritten: the reconciler says ready while the control plane says
// deleting. In whichever order they come, the deletion stays.
func TestDeletionIsNotOverwritten(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		reconciler, controlplane := openAt(t, target), openAt(t, target)
		for round := range 30 {
			o := create(t, controlplane, org.Name(fmt.Sprintf("acme-%d", round)))
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := reconciler.SetOrganizationState(t.Context(), o.ID, org.Ready, "")
				if err != nil && !errors.Is(err, org.ErrTransition) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if _, err := controlplane.SetOrganizationState(t.Context(), o.ID, org.Deleting, ""); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			if got, err := controlplane.OrganizationByID(t.Context(), o.ID); err != nil || got.State != org.Deleting {
				t.Fatalf("round %d: the organization is %s, %v; it was deleted", round, got.State, err)
			}
		}
	})
}

// TestAPassIsOneProcess: of many processes that want to visit all organizations, one
// does so in a period.
func TestAPassIsOneProcess(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, target string) {
		pools := []*database.DB{openAt(t, target), openAt(t, target)}
		for _, want := range []int64{1, 0} { // nobody had it lately; then somebody had
			won := atOnce(t, pools, errLate, func(ctx context.Context, db *database.DB, _ int) error {
				if claimed, err := db.ClaimPass(ctx, time.Hour); err != nil || claimed {
					return err
				}
				return errLate
			})
			if won != want {
				t.Errorf("%d processes of 16 have the pass, want %d", won, want)
			}
		}
		if claimed, err := pools[1].ClaimPass(t.Context(), 0); err != nil || !claimed {
			t.Errorf("a process that starts: %t, %v", claimed, err)
		}
	})
}

var errLate = errors.New("another process has the pass")
