package database

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type directUploadRow struct {
	bun.BaseModel `bun:"table:direct_uploads"`

	OrgID     string `bun:",pk"`
	Digest    string `bun:",pk"`
	Size      int64
	FileName  string
	MediaType string
	Uploader  string
	IssuedAt  time.Time
	ExpiresAt time.Time
	LookAt    time.Time
}

func (r directUploadRow) upload() (registry.DirectUpload, error) {
	u := registry.DirectUpload{
		Size: r.Size, FileName: r.FileName, MediaType: r.MediaType, Uploader: r.Uploader,
		IssuedAt: r.IssuedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), LookAt: r.LookAt.UTC(),
	}
	var err error
	if u.Org, err = org.ParseID(r.OrgID); err == nil {
		u.Digest, err = digest.Parse(r.Digest)
	}
	if err != nil {
		return registry.DirectUpload{}, fmt.Errorf("read direct upload row: %w", err)
	}
	return u, nil
}

// AddDirectUpload records an upload, in place of one of the same digest. An organization
// that has most of others already gets registry.ErrTooMany.
func (db *DB) AddDirectUpload(ctx context.Context, u registry.DirectUpload, most int) error {
	row := directUploadRow{
		OrgID: u.Org.String(), Digest: u.Digest.String(), Size: u.Size,
		FileName: u.FileName, MediaType: u.MediaType, Uploader: u.Uploader,
		IssuedAt: instant(u.IssuedAt), ExpiresAt: instant(u.ExpiresAt), LookAt: instant(u.LookAt),
	}
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		// A write to the organization's row has others wait for this transaction, where a
		// database has more than one writer: together they would count too few.
		result, err := tx.NewUpdate().Model((*organizationRow)(nil)).Set("id = id").Where("id = ?", row.OrgID).Exec(ctx)
		if err := affected(result, err); err != nil {
			return err
		}
		others, err := tx.NewSelect().Model((*directUploadRow)(nil)).Where("org_id = ? AND digest <> ?", row.OrgID, row.Digest).Count(ctx)
		if err != nil {
			return err
		}
		if others >= int64(most) {
			return registry.ErrTooMany
		}
		_, err = tx.NewInsert().Model(&row).On("CONFLICT (org_id, digest) DO UPDATE").
			Set("size = EXCLUDED.size, file_name = EXCLUDED.file_name, media_type = EXCLUDED.media_type").
			Set("uploader = EXCLUDED.uploader, issued_at = EXCLUDED.issued_at, expires_at = EXCLUDED.expires_at, look_at = EXCLUDED.look_at").
			Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("record direct upload of organization %s: %w", u.Org, classify(err))
	}
	return nil
}

// DirectUpload returns the record of an upload, or registry.ErrNotFound.
func (db *DB) DirectUpload(ctx context.Context, id org.ID, d digest.Digest) (registry.DirectUpload, error) {
	var row directUploadRow
	// From the writer: a client that is fast confirms what was just recorded.
	err := db.write.NewSelect().Model(&row).Where("org_id = ? AND digest = ?", id.String(), d.String()).Scan(ctx)
	if err != nil {
		return registry.DirectUpload{}, fmt.Errorf("read direct upload of organization %s: %w", id, classify(err))
	}
	return row.upload()
}

// RemoveDirectUpload forgets an upload; registry.ErrNotFound when somebody already has.
func (db *DB) RemoveDirectUpload(ctx context.Context, id org.ID, d digest.Digest) error {
	result, err := db.write.NewDelete().Model((*directUploadRow)(nil)).Where("org_id = ? AND digest = ?", id.String(), d.String()).Exec(ctx)
	if err := affected(result, err); err != nil {
		return fmt.Errorf("forget direct upload of organization %s: %w", id, err)
	}
	return nil
}

// DueDirectUploads returns at most so many uploads that are to be looked at now, the
// longest due first. Of records that cannot be read it does as ExpiredUploads does.
func (db *DB) DueDirectUploads(ctx context.Context, now time.Time, most int) ([]registry.DirectUpload, error) {
	return readable(most, directUploadRow.upload, func(offset int) (rows []directUploadRow, err error) {
		err = db.write.NewSelect().Model(&rows).Where("look_at <= ?", instant(now)).
			Order("look_at", "org_id", "digest").Limit(int64(most)).Offset(int64(offset)).Scan(ctx)
		if err != nil {
			err = fmt.Errorf("find unconfirmed direct uploads: %w", classify(err))
		}
		return rows, err
	})
}

// PostponeDirectUpload has an upload looked at later. Of several who try with the same
// record one succeeds; the others get registry.ErrNotFound.
func (db *DB) PostponeDirectUpload(ctx context.Context, u registry.DirectUpload, lookAt time.Time) error {
	result, err := db.write.NewUpdate().Model((*directUploadRow)(nil)).Set("look_at = ?", instant(lookAt)).
		Where("org_id = ? AND digest = ? AND look_at = ?", u.Org.String(), u.Digest.String(), instant(u.LookAt)).Exec(ctx)
	if err := affected(result, err); err != nil {
		return fmt.Errorf("postpone direct upload of organization %s: %w", u.Org, err)
	}
	return nil
}
