package database

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/registry"
)

type keyRow struct {
	bun.BaseModel `bun:"table:signing_keys"`

	ID        string `bun:",pk"`
	KeyUse    string
	PKCS8     string `bun:"pkcs8"`
	CreatedAt time.Time
	RetiredAt time.Time `bun:",nullzero"`
}

// SigningKeys returns the keys of a use, newest first, retired ones too.
func (db *DB) SigningKeys(ctx context.Context, use registry.KeyUse) ([]registry.SigningKey, error) {
	var rows []keyRow
	// From the writer: who lost the race of AddSigningKey must see the winner's key.
	err := db.write.NewSelect().Model(&rows).Where("key_use = ?", string(use)).
		OrderExpr("retired_at IS NULL DESC, created_at DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", classify(err))
	}
	keys := make([]registry.SigningKey, 0, len(rows))
	for _, r := range rows {
		der, err := base64.StdEncoding.DecodeString(r.PKCS8)
		if err != nil {
			return nil, fmt.Errorf("read signing key %s: malformed base64", r.ID)
		}
		keys = append(keys, registry.SigningKey{
			ID: r.ID, Use: registry.KeyUse(r.KeyUse), PKCS8: der,
			CreatedAt: r.CreatedAt.UTC(), RetiredAt: r.RetiredAt.UTC(),
		})
	}
	return keys, nil
}

// AddSigningKey makes a key the current one of its use. With rotate, the key that
// was current is retired in the same transaction; without, registry.ErrExists says
// that there already is one.
func (db *DB) AddSigningKey(ctx context.Context, k registry.SigningKey, rotate bool) error {
	row := keyRow{
		ID: k.ID, KeyUse: string(k.Use), PKCS8: base64.StdEncoding.EncodeToString(k.PKCS8),
		CreatedAt: instant(k.CreatedAt), RetiredAt: instant(k.RetiredAt),
	}
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if rotate {
			_, err := tx.NewUpdate().Model((*keyRow)(nil)).Set("retired_at = ?", row.CreatedAt).
				Where("key_use = ? AND retired_at IS NULL", row.KeyUse).Exec(ctx)
			if err != nil {
				return err
			}
		}
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("add signing key %s: %w", k.ID, classify(err))
	}
	return nil
}
