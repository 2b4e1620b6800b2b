package database

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
)

// TestOvertakenTakesTurns: whoever was overtaken a few times is not any more by others who
// take turns; with forty tries and no turns, of a hundred people who made an organization at
// once some were told that the database does not answer.
func TestOvertakenTakesTurns(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "postgres")
	db, others := openTarget(t, target), openTarget(t, target)
	o := org.Organization{ID: org.NewID(), Name: "acme", State: org.Pending, CreatedAt: time.Now()}
	if err := db.CreateOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	write := func(ctx context.Context, tx bun.Tx, who string) error {
		_, err := tx.NewUpdate().Model((*organizationRow)(nil)).Set("reason = reason || ?", who).Where("id = ?", o.ID.String()).Exec(ctx)
		return err
	}
	// overtake changes the row, unless it would have to wait for its turn.
	overtake := func() {
		_ = others.write.DB.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
			if _, err := tx.ExecContext(ctx, takeTurn+" NOWAIT"); err != nil {
				return err
			}
			return write(ctx, tx, "o")
		})
	}
	tries := 0
	err := db.write.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		tries++
		var row organizationRow
		if err := tx.NewSelect().Model(&row).Where("id = ?", o.ID.String()).Scan(ctx); err != nil {
			return err
		}
		overtake()
		return write(ctx, tx, "x")
	})
	if err != nil || tries != transactionTurns+1 {
		t.Errorf("done after %d tries, %v; want %d", tries, err, transactionTurns+1)
	}
	if got, err := db.OrganizationByID(t.Context(), o.ID); err != nil || got.Reason != "oooox" {
		t.Errorf("the row was written by %q, %v", got.Reason, err)
	}
}

// TestATurnSeesWhatWasBefore: what a transaction reads is as of its turn, and not of when it
// began to wait for it; else it would be overtaken once more by each of those before it.
func TestATurnSeesWhatWasBefore(t *testing.T) {
	t.Parallel()
	target := databasetest.Target(t, "postgres")
	db, others := openTarget(t, target), openTarget(t, target)
	o := org.Organization{ID: org.NewID(), Name: "acme", State: org.Pending, CreatedAt: time.Now()}
	if err := db.CreateOrganization(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	before, err := others.write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.ExecContext(t.Context(), takeTurn); err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 1)
	var turn sync.WaitGroup
	turn.Go(func() {
		defer close(seen)
		overtakes := transactionTurns
		err := db.write.inTurn(t.Context(), overtakes, func(ctx context.Context, tx bun.Tx) error {
			var row organizationRow
			if err := tx.NewSelect().Model(&row).Where("id = ?", o.ID.String()).Scan(ctx); err != nil {
				return err
			}
			_, err := tx.NewUpdate().Model(&row).Column("reason").WherePK().Exec(ctx)
			seen <- row.Reason
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	waiting := func() bool {
		var n int
		if err := db.read.NewRaw("SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND mode = 'ShareUpdateExclusiveLock' AND relation = 'organizations'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !waiting() {
		select {
		case reason := <-seen:
			t.Fatalf("it did not wait, and saw %q", reason)
		case <-tick.C:
		}
	}
	if _, err := before.NewUpdate().Model((*organizationRow)(nil)).Set("reason = 'before'").Where("id = ?", o.ID.String()).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Who was not overtaken waits for nobody.
	if err := db.CreateOrganization(t.Context(), org.Organization{ID: org.NewID(), Name: "globex", State: org.Pending, CreatedAt: time.Now()}); err != nil {
		t.Errorf("beside it: %v", err)
	}
	if err := before.Commit(); err != nil {
		t.Fatal(err)
	}
	if reason := <-seen; reason != "before" {
		t.Errorf("it saw %q", reason)
	}
	turn.Wait()
}
