package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// DuePurges returns up to limit deleted organizations whose retention is over and whose
// purge has not ended, the longest overdue first, of those that no process is at.
func (db *DB) DuePurges(ctx context.Context, now time.Time, limit int) ([]org.ID, error) {
	var rows []deletionRow
	err := db.read.NewSelect().Model(&rows).
		Where("purged_at IS NULL AND purge_at <= ?", instant(now)).
		Where("leased_until IS NULL OR leased_until <= ?", instant(now)).
		Where("org_id IN (SELECT id FROM organizations WHERE state = 'deleted')").
		Order("purge_at", "org_id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list due purges: %w", classify(err))
	}
	ids := make([]org.ID, 0, len(rows))
	for _, r := range rows {
		d, err := r.deletion()
		if err != nil {
			return nil, err
		}
		ids = append(ids, d.Org)
	}
	return ids, nil
}

// BeginPurge begins a purge or goes on with it: from now on the organization cannot be
// brought back. The caller has it for so long. registry.ErrConflict when another process
// has it, or when it is not to be purged (any more, yet, again), by the caller's clock or
// by the database's.
func (db *DB) BeginPurge(ctx context.Context, id org.ID, now time.Time, lease time.Duration) error {
	return db.changePurge(ctx, "begin", id, func(row *deletionRow, clock time.Time) error {
		switch {
		case row.PurgeAt.After(now), row.PurgeAt.After(clock), row.LeasedUntil.After(now):
			return registry.ErrConflict
		case row.BegunAt.IsZero():
			row.BegunAt = instant(now)
		}
		row.LeasedUntil = instant(now.Add(lease))
		return nil
	})
}

// ContinuePurge counts what was removed, and reports whether the purge may go on:
// registry.ErrConflict when it may not.
func (db *DB) ContinuePurge(ctx context.Context, id org.ID, removed registry.Removed, now time.Time, lease time.Duration) error {
	return db.changePurge(ctx, "go on with", id, func(row *deletionRow, _ time.Time) error {
		if row.BegunAt.IsZero() {
			return registry.ErrConflict
		}
		row.Objects, row.Bytes = row.Objects+removed.Objects, row.Bytes+removed.Bytes
		row.LeasedUntil = instant(now.Add(lease))
		return nil
	})
}

// LeavePurge lets another process go on with a purge at once.
func (db *DB) LeavePurge(ctx context.Context, id org.ID) error {
	return db.changePurge(ctx, "leave", id, func(row *deletionRow, _ time.Time) error {
		row.LeasedUntil = time.Time{}
		return nil
	})
}

// FinishPurge records that no object is left, and removes what is known of objects:
// uploads, direct uploads, the last of the catalogue, and attestations in the making, which
// have materials in them.
func (db *DB) FinishPurge(ctx context.Context, id org.ID, now time.Time) error {
	return db.changePurge(ctx, "finish", id, func(row *deletionRow, _ time.Time) error {
		if row.BegunAt.IsZero() {
			return registry.ErrConflict
		}
		row.PurgedAt, row.LeasedUntil = instant(now), time.Time{}
		return nil
	}, (*artifactRow)(nil), (*uploadRow)(nil), (*directUploadRow)(nil), (*craftingStateRow)(nil))
}

// changePurge changes the row of a deleted organization whose purge has not ended, and
// deletes the organization's rows of the models.
func (db *DB) changePurge(ctx context.Context, what string, id org.ID, change func(row *deletionRow, clock time.Time) error, models ...any) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		organization, err := goneIn(ctx, tx, id)
		if errors.Is(err, registry.ErrNotDeleted) || err == nil && organization.State != string(org.Deleted) {
			return registry.ErrConflict
		}
		if err != nil {
			return err
		}
		var row deletionRow
		if err := tx.NewSelect().Model(&row).Where("org_id = ?", id.String()).Scan(ctx); err != nil {
			return err
		}
		if !row.PurgedAt.IsZero() {
			return registry.ErrConflict
		}
		clock, err := clockIn(ctx, tx)
		if err != nil {
			return err
		}
		before := row
		if err := change(&row, clock); err != nil {
			return err
		}
		if err := auditPurge(ctx, tx, id, before, row); err != nil {
			return err
		}
		for _, model := range models {
			if _, err := tx.NewDelete().Model(model).Where("org_id = ?", id.String()).Exec(ctx); err != nil {
				return err
			}
		}
		_, err = tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s the purge of organization %s: %w", what, id, classify(err))
	}
	return nil
}

// ForgetArtifacts removes up to limit entries of an organization's catalogue, and returns
// how many there were: a transaction with all of a large one would hold up the others.
func (db *DB) ForgetArtifacts(ctx context.Context, id org.ID, limit int) (int, error) {
	result, err := db.write.NewDelete().Model((*artifactRow)(nil)).
		Where("org_id = ? AND digest IN (SELECT digest FROM artifacts WHERE org_id = ? LIMIT ?)", id.String(), id.String(), limit).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("forget artifacts of %s: %w", id, classify(err))
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// OpenUploads returns up to limit of an organization's uploads in parts, without the parts,
// in the order of their ids.
func (db *DB) OpenUploads(ctx context.Context, id org.ID, limit int) ([]registry.Upload, error) {
	var rows []uploadRow
	if err := db.read.NewSelect().Model(&rows).Where("org_id = ?", id.String()).Order("id").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("list uploads of %s: %w", id, classify(err))
	}
	return recordsOf(rows, uploadRow.upload)
}

// auditPurge records that a purge begins, and that it is over.
func auditPurge(ctx context.Context, tx bun.Tx, id org.ID, before, after deletionRow) error {
	details := map[string]string{}
	switch {
	case before.BegunAt.IsZero() && !after.BegunAt.IsZero():
		details["stage"] = "begun"
	case before.PurgedAt.IsZero() && !after.PurgedAt.IsZero():
		details["stage"], details["objects"], details["bytes"] = "done", fmt.Sprint(after.Objects), fmt.Sprint(after.Bytes)
	default:
		return nil
	}
	return auditIn(ctx, tx, id, audit.Event{Action: audit.OrganizationPurge, Object: "organization/" + id.String(), Details: details})
}
