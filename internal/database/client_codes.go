package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/registry"
)

type clientCodeRow struct {
	bun.BaseModel `bun:"table:client_codes"`

	SHA256    string `bun:"sha256,pk"`
	UserID    string
	Challenge string
	Client    string
	ExpiresAt time.Time
}

// CreateClientCode stores a code, and forgets those whose time is over.
func (db *DB) CreateClientCode(ctx context.Context, c registry.ClientCode, now time.Time) error {
	row := clientCodeRow{
		SHA256: hex.EncodeToString(c.Sum[:]), UserID: c.User.String(), Challenge: c.Challenge, Client: c.Client, ExpiresAt: instant(c.ExpiresAt),
	}
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*clientCodeRow)(nil)).Where("expires_at <= ?", instant(now)).Exec(ctx); err != nil {
			return err
		}
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("create code: %w", classify(err))
	}
	return nil
}

// UseClientCode returns a code and forgets it, so that it is good once, whoever asks first;
// registry.ErrNotFound when there is none, or its time is over.
func (db *DB) UseClientCode(ctx context.Context, sum [sha256.Size]byte, now time.Time) (registry.ClientCode, error) {
	var row clientCodeRow
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		err := tx.NewSelect().Model(&row).Where("sha256 = ? AND expires_at > ?", hex.EncodeToString(sum[:]), instant(now)).Scan(ctx)
		if err != nil {
			return err
		}
		return affected(tx.NewDelete().Model(&row).WherePK().Exec(ctx))
	})
	if err != nil {
		return registry.ClientCode{}, fmt.Errorf("use code: %w", classify(err))
	}
	user, err := uuid.Parse(row.UserID)
	if err != nil {
		return registry.ClientCode{}, fmt.Errorf("read code row: %w", err)
	}
	return registry.ClientCode{Sum: sum, User: user, Challenge: row.Challenge, Client: row.Client, ExpiresAt: row.ExpiresAt.UTC()}, nil
}
