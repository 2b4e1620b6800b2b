package database

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type bootstrapRow struct {
	bun.BaseModel `bun:"table:bootstrap_tokens"`

	SHA256    string `bun:"sha256,pk"`
	One       int64
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time `bun:",nullzero"`
}

// Administered reports whether the installation has an administrator: an instance token
// that is good, or a user.
func (db *DB) Administered(ctx context.Context) (bool, error) {
	return administeredIn(ctx, db.write)
}

func administeredIn(ctx context.Context, in bun.IDB) (bool, error) {
	tokens, err := in.NewSelect().Model((*tokenRow)(nil)).Where("org_id IS NULL AND revoked_at IS NULL").
		Where("expires_at IS NULL OR expires_at > ?", instant(time.Now())).Exists(ctx)
	if err != nil || tokens {
		return tokens, classify(err)
	}
	users, err := in.NewSelect().Model((*userRow)(nil)).Where("instance_admin").Exists(ctx)
	return users, classify(err)
}

// OpenBootstrap stores the hash of a bootstrap token, unless the installation has an
// administrator (registry.ErrAdministered), or another token is open (registry.ErrExists).
func (db *DB) OpenBootstrap(ctx context.Context, sum [sha256.Size]byte, now, expires time.Time) error {
	row := bootstrapRow{SHA256: hex.EncodeToString(sum[:]), One: 1, CreatedAt: instant(now), ExpiresAt: instant(expires)}
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		administered, err := administeredIn(ctx, tx)
		if err != nil {
			return err
		}
		if administered {
			return registry.ErrAdministered
		}
		if _, err := tx.NewDelete().Model((*bootstrapRow)(nil)).Where("used_at IS NULL AND expires_at <= ?", row.CreatedAt).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		return auditIn(ctx, tx, org.ID{}, audit.Event{Action: audit.BootstrapCreate, Object: "bootstrap", Details: map[string]string{"expires": row.ExpiresAt.Format(time.RFC3339)}})
	})
	if err != nil {
		return fmt.Errorf("open bootstrap token: %w", classify(err))
	}
	return nil
}

// UseBootstrap ends the open token if sum is its hash, and is registry.ErrNotFound else. Of
// several who come at the same time, one gets nil.
func (db *DB) UseBootstrap(ctx context.Context, sum [sha256.Size]byte, now time.Time) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row bootstrapRow
		if err := tx.NewSelect().Model(&row).Where("used_at IS NULL AND expires_at > ?", instant(now)).Scan(ctx); err != nil {
			return err
		}
		// Not by the index: how far it reads would tell how much of a hash is right.
		if subtle.ConstantTimeCompare([]byte(row.SHA256), []byte(hex.EncodeToString(sum[:]))) != 1 {
			return registry.ErrNotFound
		}
		administered, err := administeredIn(ctx, tx)
		if err != nil {
			return err
		}
		if administered {
			return registry.ErrAdministered
		}
		result, err := tx.NewUpdate().Model((*bootstrapRow)(nil)).Set("used_at = ?", instant(now)).
			Where("sha256 = ? AND used_at IS NULL", row.SHA256).Exec(ctx)
		if err := affected(result, err); err != nil {
			return err
		}
		return auditIn(ctx, tx, org.ID{}, audit.Event{Action: audit.BootstrapUse, Object: "bootstrap"})
	})
	switch {
	case errors.Is(err, registry.ErrAdministered):
		return err
	case err != nil:
		return fmt.Errorf("use bootstrap token: %w", classify(err))
	}
	return nil
}
