package database

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type craftingStateRow struct {
	bun.BaseModel `bun:"table:crafting_states"`

	RunID     string `bun:",pk"`
	OrgID     string
	Body      string
	Digest    string
	UpdatedAt time.Time
}

// SaveCraftingState keeps the state of a run that has not ended, in place of the one with
// the base digest; the zero Digest: of whatever there is. registry.ErrStateChanged when
// there is another one, or none; registry.ErrTooMany when there is none of the run, and
// registry.MaxCraftingStates of others.
func (db *DB) SaveCraftingState(ctx context.Context, id org.ID, run uuid.UUID, base digest.Digest, state registry.CraftingState) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		_, now, err := openRunIn(ctx, tx, id, run)
		if err != nil {
			return err
		}
		current, err := craftingStateIn(ctx, tx, id, run)
		none := errors.Is(err, sql.ErrNoRows)
		switch {
		case err != nil && !none:
			return err
		case !base.IsZero() && current.Digest != base.String():
			return registry.ErrStateChanged
		case none:
			if err := roomForState(ctx, tx, id, now); err != nil {
				return err
			}
		}
		row := craftingStateRow{
			RunID: run.String(), OrgID: id.String(), Body: base64.StdEncoding.EncodeToString(state.Body), Digest: state.Digest.String(), UpdatedAt: now,
		}
		_, err = tx.NewInsert().Model(&row).On("CONFLICT (run_id) DO UPDATE").
			Set("body = EXCLUDED.body, digest = EXCLUDED.digest, updated_at = EXCLUDED.updated_at").Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("save state of run %s of %s: %w", run, id, classify(err))
	}
	return nil
}

// roomForState forgets the states of an organization's runs that have expired, whose clients
// will not come back, and counts the others.
func roomForState(ctx context.Context, tx bun.Tx, id org.ID, now time.Time) error {
	expired := tx.NewSelect().Model((*runRow)(nil)).Column("id").Where("org_id = ? AND expires_at <= ?", id.String(), now)
	if _, err := tx.NewDelete().Model((*craftingStateRow)(nil)).Where("org_id = ? AND run_id IN (?)", id.String(), expired).Exec(ctx); err != nil {
		return err
	}
	held, err := tx.NewSelect().Model((*craftingStateRow)(nil)).Where("org_id = ?", id.String()).Count(ctx)
	if err != nil {
		return err
	}
	if held >= registry.MaxCraftingStates {
		return fmt.Errorf("%w: %d states", registry.ErrTooMany, held)
	}
	return nil
}

// CraftingState returns the state of a run, or registry.ErrNotFound.
func (db *DB) CraftingState(ctx context.Context, id org.ID, run uuid.UUID) (registry.CraftingState, error) {
	row, err := craftingStateIn(ctx, db.read, id, run)
	if err != nil {
		return registry.CraftingState{}, fmt.Errorf("read state of run %s of %s: %w", run, id, classify(err))
	}
	var state registry.CraftingState
	if state.Body, err = base64.StdEncoding.DecodeString(row.Body); err == nil {
		state.Digest, err = digest.Parse(row.Digest)
	}
	if err != nil {
		return registry.CraftingState{}, fmt.Errorf("read state row: %w", err)
	}
	return state, nil
}

func craftingStateIn(ctx context.Context, in bun.IDB, id org.ID, run uuid.UUID) (row craftingStateRow, err error) {
	err = in.NewSelect().Model(&row).Where("org_id = ? AND run_id = ?", id.String(), run.String()).Scan(ctx)
	return row, err
}

// DeleteCraftingState forgets the state of a run. It is content when there is none.
func (db *DB) DeleteCraftingState(ctx context.Context, id org.ID, run uuid.UUID) error {
	_, err := db.write.NewDelete().Model((*craftingStateRow)(nil)).Where("org_id = ? AND run_id = ?", id.String(), run.String()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete state of run %s of %s: %w", run, id, classify(err))
	}
	return nil
}
