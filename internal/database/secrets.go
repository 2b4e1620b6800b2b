package database

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/org"
)

type secretRow struct {
	bun.BaseModel `bun:"table:secrets"`

	OrgID     string `bun:",pk"`
	Name      string `bun:",pk"`
	Document  string
	UpdatedAt time.Time
}

// PutSecret stores a document under the organization and a name, in place of the
// one that was there.
func (db *DB) PutSecret(ctx context.Context, id org.ID, name string, document []byte) error {
	row := secretRow{OrgID: id.String(), Name: name, Document: string(document), UpdatedAt: instant(time.Now())}
	_, err := db.write.NewInsert().Model(&row).
		On("CONFLICT (org_id, name) DO UPDATE").
		Set("document = EXCLUDED.document").
		Set("updated_at = EXCLUDED.updated_at").
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("put secret of %s: %w", id, classify(err))
	}
	return nil
}

// Secret returns the document, or registry.ErrNotFound.
func (db *DB) Secret(ctx context.Context, id org.ID, name string) ([]byte, error) {
	var row secretRow
	if err := db.read.NewSelect().Model(&row).Where("org_id = ? AND name = ?", id.String(), name).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read secret of %s: %w", id, classify(err))
	}
	return []byte(row.Document), nil
}

// DeleteSecret removes the document. Removing what is not there succeeds.
func (db *DB) DeleteSecret(ctx context.Context, id org.ID, name string) error {
	_, err := db.write.NewDelete().Model((*secretRow)(nil)).Where("org_id = ? AND name = ?", id.String(), name).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete secret of %s: %w", id, classify(err))
	}
	return nil
}
