package database

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type keyRow struct {
	bun.BaseModel `bun:"table:signing_keys"`

	ID        string `bun:",pk"`
	KeyUse    string
	PKCS8     string `bun:"pkcs8"`
	SPKI      string `bun:"spki"`
	CreatedAt time.Time
	SignsFrom time.Time `bun:",nullzero"`
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
		public, err := base64.StdEncoding.DecodeString(r.SPKI)
		if err != nil {
			return nil, fmt.Errorf("read signing key %s: malformed base64", r.ID)
		}
		keys = append(keys, registry.SigningKey{
			ID: r.ID, Use: registry.KeyUse(r.KeyUse), PKCS8: der, SPKI: public,
			CreatedAt: r.CreatedAt.UTC(), SignsFrom: r.SignsFrom.UTC(), RetiredAt: r.RetiredAt.UTC(),
		})
	}
	return keys, nil
}

// AddSigningKey adds a key that signs in place of another from Begins on: the other one is
// retired as of then, in the same transaction, and so is every key that was to be retired later:
// where a successor was announced, the key that still signs, and a successor of which there was
// another one. registry.ErrExists: something has replaced it already, or, when replaces is empty,
// there is a key.
func (db *DB) AddSigningKey(ctx context.Context, k registry.SigningKey, replaces string) error {
	row := keyRow{
		ID: k.ID, KeyUse: string(k.Use), SPKI: base64.StdEncoding.EncodeToString(k.SPKI),
		CreatedAt: instant(k.CreatedAt), SignsFrom: instant(k.SignsFrom), RetiredAt: instant(k.RetiredAt),
	}
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if replaces != "" {
			result, err := tx.NewUpdate().Model((*keyRow)(nil)).Set("retired_at = ?", instant(k.Begins())).
				Where("id = ? AND key_use = ? AND retired_at IS NULL", replaces, row.KeyUse).Exec(ctx)
			if err := affected(result, err); errors.Is(err, registry.ErrNotFound) {
				return fmt.Errorf("%w: key %s is retired", registry.ErrExists, replaces)
			} else if err != nil {
				return err
			}
			if _, err := tx.NewUpdate().Model((*keyRow)(nil)).Set("retired_at = ?", instant(k.Begins())).
				Where("key_use = ? AND retired_at > ?", row.KeyUse, instant(k.Begins())).Exec(ctx); err != nil {
				return err
			}
		}
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		if err := setPrivateKey(ctx, tx, k); err != nil {
			return err
		}
		return auditIn(ctx, tx, org.ID{}, audit.Event{
			Action: audit.KeyCreate, Object: "key/" + k.ID, Details: map[string]string{"use": string(k.Use), "replaces": replaces},
		})
	})
	if err != nil {
		return fmt.Errorf("add signing key %s: %w", k.ID, classify(err))
	}
	return nil
}

// RevokeSigningKeys has all keys of a use but the newest count for nothing
// (registry.SigningKey.Void), and returns how many did before. registry.ErrExists: another one has
// replaced what the caller takes for the newest, and would be revoked with the rest, so that
// none was left.
func (db *DB) RevokeSigningKeys(ctx context.Context, use registry.KeyUse, except string) (revoked int, err error) {
	err = db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		newest, err := tx.NewSelect().Model((*keyRow)(nil)).Where("key_use = ? AND id = ? AND retired_at IS NULL", string(use), except).Exists(ctx)
		if err == nil && !newest {
			err = fmt.Errorf("%w: key %s is retired", registry.ErrExists, except)
		}
		if err != nil {
			return err
		}
		var ids []string
		err = tx.NewSelect().Model((*keyRow)(nil)).Column("id").OrderExpr("created_at, id").
			Where("key_use = ? AND id <> ?", string(use), except).
			Where("retired_at IS NULL OR retired_at > COALESCE(signs_from, created_at)").Scan(ctx, &ids)
		if revoked = len(ids); err != nil || revoked == 0 {
			return err
		}
		_, err = tx.NewUpdate().Model((*keyRow)(nil)).Set("retired_at = COALESCE(signs_from, created_at)").Where("id IN (?)", bun.List(ids)).Exec(ctx)
		for _, id := range ids {
			if err == nil {
				err = auditIn(ctx, tx, org.ID{}, audit.Event{Action: audit.KeyRevoke, Object: "key/" + id, Details: map[string]string{"use": string(use)}})
			}
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("revoke %s keys: %w", use, classify(err))
	}
	return revoked, nil
}

// setPrivateKey is apart because bun writes values into statements, and PostgreSQL writes
// statements that fail into its log: of two processes that add a key at once, one's does. An
// argument is not there (log_parameter_max_length_on_error).
func setPrivateKey(ctx context.Context, tx bun.Tx, k registry.SigningKey) error {
	statement := "UPDATE signing_keys SET pkcs8 = ? WHERE id = ?"
	if tx.Dialect().Name() == dialect.PG {
		statement = "UPDATE signing_keys SET pkcs8 = $1 WHERE id = $2"
	}
	_, err := tx.Tx.ExecContext(ctx, statement, base64.StdEncoding.EncodeToString(k.PKCS8), k.ID)
	return err
}

// SetPublicKey records the public half of a key that was added without it.
func (db *DB) SetPublicKey(ctx context.Context, id string, spki []byte) error {
	result, err := db.write.NewUpdate().Model((*keyRow)(nil)).Set("spki = ?", base64.StdEncoding.EncodeToString(spki)).Where("id = ?", id).Exec(ctx)
	if err := affected(result, err); err != nil {
		return fmt.Errorf("publish signing key %s: %w", id, err)
	}
	return nil
}

// PublicKeys returns the public halves of the keys of a use that were not retired before a
// time and are not void, by their ids. It reads no private key: the user of the database that asks need not be
// allowed to.
func (db *DB) PublicKeys(ctx context.Context, use registry.KeyUse, since time.Time) (map[string][]byte, error) {
	var rows []keyRow
	err := db.read.NewSelect().Model(&rows).Column("id", "spki").
		Where("key_use = ? AND spki <> ''", string(use)).
		Where("retired_at IS NULL OR retired_at >= ? AND retired_at > COALESCE(signs_from, created_at)", instant(since)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read public keys: %w", classify(err))
	}
	keys := make(map[string][]byte, len(rows))
	for _, r := range rows {
		if keys[r.ID], err = base64.StdEncoding.DecodeString(r.SPKI); err != nil {
			return nil, fmt.Errorf("read public key %s: malformed base64", r.ID)
		}
	}
	return keys, nil
}
