package database

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/registry"
)

type attestationRow struct {
	bun.BaseModel `bun:"table:attestations"`

	RunID         string `bun:",pk"`
	OrgID         string
	Digest        string
	Size          int64
	PredicateType string
	StoredBy      string
	StoredAt      time.Time
}

// StoreAttestation records the bundle of a run, which succeeds with it. Again with the same
// digest it changes nothing; registry.ErrRunFinished when the run has ended otherwise.
func (db *DB) StoreAttestation(ctx context.Context, a registry.Attestation) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		run, now, err := openRunIn(ctx, tx, a.Org, a.Run)
		if err != nil {
			if run.State == registry.RunSucceeded && run.Bundle == a.Digest {
				return nil
			}
			return err
		}
		row := attestationRow{
			RunID: a.Run.String(), OrgID: a.Org.String(), Digest: a.Digest.String(), Size: a.Size,
			PredicateType: a.PredicateType, StoredBy: a.StoredBy, StoredAt: now,
		}
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		details := map[string]string{"artifact": a.Digest.String()}
		if a.Released {
			details["released"] = "true"
			if err := releaseVersion(ctx, tx, run, now); err != nil {
				return err
			}
		}
		return endRun(ctx, tx, run, registry.RunSucceeded, "", now, details)
	})
	if err != nil {
		return fmt.Errorf("record attestation of run %s of %s: %w", a.Run, a.Org, classify(err))
	}
	return nil
}

// releaseVersion marks the version that a run is of, if it is of one.
func releaseVersion(ctx context.Context, tx bun.Tx, run registry.Run, now time.Time) error {
	_, err := tx.NewUpdate().Model((*projectVersionRow)(nil)).Set("released_at = ?", now).
		Where("org_id = ? AND released_at IS NULL", run.Org.String()).
		Where("id = (SELECT version_id FROM workflow_runs WHERE org_id = ? AND id = ?)", run.Org.String(), run.ID.String()).Exec(ctx)
	return err
}
