package database

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
)

// TestTurns: a transaction that was overtaken too often waits until the one whose turn it is has
// ended, and sees what was written until then, as if it had begun only now. Who was not overtaken
// waits for nobody.
func TestTurns(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), openTarget(t, databasetest.Target(t, "postgres"))
	overtakenUntilItsTurn := func(fn func(context.Context, bun.Tx) error) error {
		tries := 0
		return db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			if tries++; tries <= transactionTurns {
				return &pgconn.PgError{Code: serializationFailure}
			}
			return fn(ctx, tx)
		})
	}
	second := make(chan error, 1)
	var seen int
	err := overtakenUntilItsTurn(func(_ context.Context, tx bun.Tx) error {
		if err := tx.NewRaw("SELECT count(*) FROM organizations").Scan(ctx, &seen); err != nil || seen != 0 {
			return fmt.Errorf("%d organizations, %w", seen, err)
		}
		go func() {
			second <- overtakenUntilItsTurn(func(ctx context.Context, tx bun.Tx) error {
				return tx.NewRaw("SELECT count(*) FROM organizations").Scan(ctx, &seen)
			})
		}()
		for waiting := 0; waiting == 0; {
			const locks = "SELECT count(*) FROM pg_locks WHERE relation = 'organizations'::regclass AND NOT granted"
			if err := db.read.NewRaw(locks).Scan(ctx, &waiting); err != nil || len(second) > 0 {
				return fmt.Errorf("it did not wait, %w", err)
			}
		}
		// by one that was not overtaken
		return db.CreateOrganization(ctx, org.Organization{ID: org.NewID(), Name: "acme", State: org.Pending, CreatedAt: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil || seen != 1 {
		t.Errorf("when its turn came it saw %d organizations, %v", seen, err)
	}
}
