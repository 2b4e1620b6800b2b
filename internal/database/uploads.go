package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// CreateUpload stores the record of an upload that has no parts yet:
// registry.ErrExists when the artifact has one of that name, registry.ErrTooMany when the
// organization has limit resumable ones (not checked for others).
func (db *DB) CreateUpload(ctx context.Context, u registry.Upload, limit int) error {
	row := rowOfUpload(u)
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if u.Resumable {
			open, err := tx.NewSelect().Model((*uploadRow)(nil)).Where("org_id = ? AND resumable", row.OrgID).Count(ctx)
			if err != nil {
				return err
			}
			if open >= int64(limit) {
				return registry.ErrTooMany
			}
		}
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("create upload %s: %w", u.ID, classify(err))
	}
	return nil
}

// Upload returns the record of a resumable upload with its parts, or
// registry.ErrNotFound. It reads behind every write that has returned.
func (db *DB) Upload(ctx context.Context, owner org.ID, d digest.Digest, name uuid.UUID) (u registry.Upload, err error) {
	// Read only: another transaction of SQLite's would wait for the one writer, and have it wait.
	err = db.read.RunInTx(ctx, &sql.TxOptions{ReadOnly: true}, func(ctx context.Context, tx bun.Tx) error {
		var row uploadRow
		if err := tx.NewSelect().Model(&row).
			Where("org_id = ? AND digest = ? AND name = ? AND resumable", owner.String(), d.Hex(), name.String()).Scan(ctx); err != nil {
			return err
		}
		if u, err = row.upload(); err != nil {
			return err
		}
		var parts []uploadPartRow
		if err := tx.NewSelect().Model(&parts).Where("upload_id = ?", row.ID).Order("number").Scan(ctx); err != nil {
			return err
		}
		for _, r := range parts {
			p, err := r.part()
			if err != nil {
				return err
			}
			u.Parts = append(u.Parts, p)
		}
		return nil
	})
	if err != nil {
		return registry.Upload{}, fmt.Errorf("read upload %s: %w", name, classify(err))
	}
	return u, nil
}

// TakeUpload makes the caller the upload's only writer, if it still is at the generation
// and at the offset that the caller knows: u.Generation + 1 is the caller's. Otherwise
// registry.ErrConflict.
func (db *DB) TakeUpload(ctx context.Context, u registry.Upload, now, expires time.Time) error {
	err := db.changeUpload(ctx, db.write, u, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Where("committed = ?", u.Committed).Set("generation = generation + 1").Set("updated_at = ?", instant(now)).Set("expires_at = ?", instant(expires))
	})
	if err != nil {
		return fmt.Errorf("take upload %s: %w", u.ID, err)
	}
	return nil
}

// KeepUpload moves the expiry of an upload that its writer still has.
func (db *DB) KeepUpload(ctx context.Context, u registry.Upload, expires time.Time) error {
	err := db.changeUpload(ctx, db.write, u, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("expires_at = ?", instant(expires))
	})
	if err != nil {
		return fmt.Errorf("keep upload %s: %w", u.ID, err)
	}
	return nil
}

// AdvanceUpload commits parts that continue the upload: they, u.Committed, u.Hash and
// u.Length change together, or not at all (registry.ErrConflict).
func (db *DB) AdvanceUpload(ctx context.Context, u registry.Upload, parts []registry.UploadPart) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		row := rowOfUpload(u)
		if err := db.changeUpload(ctx, tx, u, func(q *bun.UpdateQuery) *bun.UpdateQuery {
			return q.Set("committed = ?", row.Committed).Set("hash = ?", row.Hash).Set("length = ?", row.Length).
				Set("updated_at = ?", row.UpdatedAt).Set("expires_at = ?", row.ExpiresAt)
		}); err != nil {
			return err
		}
		if len(parts) == 0 {
			return nil
		}
		rows := rowsOfParts(u.ID, parts)
		_, err := tx.NewInsert().Model(&rows).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("advance upload %s: %w", u.ID, classify(err))
	}
	return nil
}

func (db *DB) changeUpload(ctx context.Context, in bun.IDB, u registry.Upload, set func(*bun.UpdateQuery) *bun.UpdateQuery) error {
	query := in.NewUpdate().Model((*uploadRow)(nil)).Where("id = ? AND generation = ?", u.ID.String(), u.Generation)
	err := affected(set(query).Exec(ctx))
	if errors.Is(err, registry.ErrNotFound) {
		return registry.ErrConflict
	}
	return err
}

// DeleteUpload removes the record with its parts, if its writer still has it. Removing
// what is gone succeeds.
func (db *DB) DeleteUpload(ctx context.Context, u registry.Upload) error {
	_, err := db.write.NewDelete().Model((*uploadRow)(nil)).
		Where("id = ? AND generation = ?", u.ID.String(), u.Generation).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete upload %s: %w", u.ID, classify(err))
	}
	return nil
}

// ExpiredUploads returns up to limit records that have expired at now, without their
// parts, the oldest first. Records that cannot be read keep nobody from the others: they
// are passed over, and the error, with which there may be records all the same, names one.
func (db *DB) ExpiredUploads(ctx context.Context, now time.Time, limit int) ([]registry.Upload, error) {
	return readable(limit, uploadRow.upload, func(offset int) (rows []uploadRow, err error) {
		err = db.read.NewSelect().Model(&rows).Where("expires_at <= ?", instant(now)).
			Order("expires_at", "id").Limit(int64(limit)).Offset(int64(offset)).Scan(ctx)
		if err != nil {
			err = fmt.Errorf("list expired uploads: %w", classify(err))
		}
		return rows, err
	})
}

// CountUploads counts the records of all organizations.
func (db *DB) CountUploads(ctx context.Context) (int64, error) {
	n, err := db.read.NewSelect().Model((*uploadRow)(nil)).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count uploads: %w", classify(err))
	}
	return n, nil
}
