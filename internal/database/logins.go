package database

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type loginRow struct {
	bun.BaseModel `bun:"table:logins"`

	ID         string `bun:",pk"`
	SHA256     string `bun:"sha256"`
	UserID     string
	Client     string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	RevokedAt  time.Time `bun:",nullzero"`
	LastUsedAt time.Time `bun:",nullzero"`
}

func (r loginRow) login() (registry.Login, error) {
	l := registry.Login{
		Client: r.Client, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		RevokedAt: r.RevokedAt.UTC(), LastUsedAt: r.LastUsedAt.UTC(),
	}
	var err error
	if l.ID, err = uuid.Parse(r.ID); err != nil {
		return registry.Login{}, fmt.Errorf("read login row: %w", err)
	}
	if l.User, err = uuid.Parse(r.UserID); err != nil {
		return registry.Login{}, fmt.Errorf("read login row %s: %w", r.ID, err)
	}
	if n, err := hex.Decode(l.Sum[:], []byte(r.SHA256)); err != nil || n != len(l.Sum) {
		return registry.Login{}, fmt.Errorf("read login row %s: malformed hash", r.ID)
	}
	return l, nil
}

// CreateLogin stores the record of a token that a user gets by signing in, and forgets those
// of the user that have expired. If it is one more than registry.MaxLogins, the oldest ends.
func (db *DB) CreateLogin(ctx context.Context, l registry.Login) error {
	row := loginRow{
		ID: l.ID.String(), SHA256: hex.EncodeToString(l.Sum[:]), UserID: l.User.String(), Client: l.Client,
		CreatedAt: instant(l.CreatedAt), ExpiresAt: instant(l.ExpiresAt),
	}
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*loginRow)(nil)).Where("user_id = ? AND expires_at < ?", row.UserID, row.CreatedAt).Exec(ctx)
		if err != nil {
			return err
		}
		var oldest []loginRow
		err = tx.NewSelect().Model(&oldest).Where("user_id = ? AND revoked_at IS NULL", row.UserID).
			Order("created_at DESC", "id").Offset(registry.MaxLogins - 1).Limit(registry.MaxLogins).Scan(ctx)
		if err != nil {
			return err
		}
		for _, old := range oldest {
			if err := revokeLogin(ctx, tx, old, row.CreatedAt); err != nil {
				return err
			}
		}
		if _, err = tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		return auditIn(ctx, tx, org.ID{}, row.event(audit.LoginCreate))
	})
	if err != nil {
		return fmt.Errorf("create login: %w", classify(err))
	}
	return nil
}

// Login returns the record with that id and its user, or registry.ErrNotFound.
func (db *DB) Login(ctx context.Context, id uuid.UUID) (registry.Login, registry.User, error) {
	var row loginRow
	if err := db.read.NewSelect().Model(&row).Where("id = ?", id.String()).Scan(ctx); err != nil {
		return registry.Login{}, registry.User{}, fmt.Errorf("read login %s: %w", id, classify(err))
	}
	l, err := row.login()
	if err != nil {
		return registry.Login{}, registry.User{}, err
	}
	u, err := db.User(ctx, l.User)
	return l, u, err
}

// Logins returns a user's logins that are not revoked, the latest first: registry.MaxLogins
// at most.
func (db *DB) Logins(ctx context.Context, user uuid.UUID) ([]registry.Login, error) {
	var rows []loginRow
	if err := db.read.NewSelect().Model(&rows).Where("user_id = ? AND revoked_at IS NULL", user.String()).
		Order("created_at DESC", "id").Limit(registry.MaxLogins).Scan(ctx); err != nil {
		return nil, fmt.Errorf("list logins: %w", classify(err))
	}
	return recordsOf(rows, loginRow.login)
}

// RevokeLogin ends a login of a user; registry.ErrNotFound when it is not theirs.
func (db *DB) RevokeLogin(ctx context.Context, user, id uuid.UUID, at time.Time) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row loginRow
		err := tx.NewSelect().Model(&row).Where("id = ? AND user_id = ?", id.String(), user.String()).Scan(ctx)
		if err != nil || !row.RevokedAt.IsZero() {
			return err
		}
		return revokeLogin(ctx, tx, row, at)
	})
	if err != nil {
		return fmt.Errorf("revoke login %s: %w", id, classify(err))
	}
	return nil
}

func revokeLogin(ctx context.Context, tx bun.Tx, row loginRow, at time.Time) error {
	if err := auditIn(ctx, tx, org.ID{}, row.event(audit.LoginRevoke)); err != nil {
		return err
	}
	_, err := tx.NewUpdate().Model(&row).WherePK().Set("revoked_at = ?", instant(at)).Exec(ctx)
	return err
}

// TouchLogin records that a login was used.
func (db *DB) TouchLogin(ctx context.Context, id uuid.UUID, at time.Time) error {
	result, err := db.write.NewUpdate().Model((*loginRow)(nil)).
		Set("last_used_at = ?", instant(at)).Where("id = ?", id.String()).Exec(ctx)
	if err := affected(result, err); err != nil {
		return fmt.Errorf("touch login %s: %w", id, err)
	}
	return nil
}

func (r loginRow) event(action string) audit.Event {
	return audit.Event{Action: action, Object: "login/" + r.ID, Details: map[string]string{"user": r.UserID, "client": r.Client}}
}
