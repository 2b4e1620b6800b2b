package database

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type tokenRow struct {
	bun.BaseModel `bun:"table:api_tokens"`

	ID         string `bun:",pk"`
	SHA256     string `bun:"sha256"`
	OrgID      string `bun:",nullzero"`
	Name       string
	CreatedAt  time.Time
	ExpiresAt  time.Time `bun:",nullzero"`
	RevokedAt  time.Time `bun:",nullzero"`
	LastUsedAt time.Time `bun:",nullzero"`
}

func rowOfToken(t registry.Token) tokenRow {
	row := tokenRow{
		ID: t.ID.String(), SHA256: hex.EncodeToString(t.Sum[:]), Name: t.Name,
		CreatedAt: instant(t.CreatedAt), ExpiresAt: instant(t.ExpiresAt),
		RevokedAt: instant(t.RevokedAt), LastUsedAt: instant(t.LastUsedAt),
	}
	if !t.Instance() {
		row.OrgID = t.Org.String()
	}
	return row
}

func (r tokenRow) token() (registry.Token, error) {
	t := registry.Token{
		Name: r.Name, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		RevokedAt: r.RevokedAt.UTC(), LastUsedAt: r.LastUsedAt.UTC(),
	}
	var err error
	if t.ID, err = uuid.Parse(r.ID); err != nil {
		return registry.Token{}, fmt.Errorf("read token row: %w", err)
	}
	if n, err := hex.Decode(t.Sum[:], []byte(r.SHA256)); err != nil || n != len(t.Sum) {
		return registry.Token{}, fmt.Errorf("read token row %s: malformed hash", r.ID)
	}
	if r.OrgID != "" {
		if t.Org, err = org.ParseID(r.OrgID); err != nil {
			return registry.Token{}, fmt.Errorf("read token row %s: %w", r.ID, err)
		}
	}
	return t, nil
}

// CreateToken stores the record of a new token; registry.ErrExists when a living
// token of the organization has its name, and registry.ErrTooMany when it has
// registry.MaxTokens that live.
func (db *DB) CreateToken(ctx context.Context, t registry.Token) error {
	return db.createToken(ctx, t, false)
}

// ReplaceToken is CreateToken, and takes back the living token of the organization that has
// the name: both or neither.
func (db *DB) ReplaceToken(ctx context.Context, t registry.Token) error {
	return db.createToken(ctx, t, true)
}

func (db *DB) createToken(ctx context.Context, t registry.Token, replace bool) error {
	row := rowOfToken(t)
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if replace {
			var replaced []tokenRow
			if err := tokensOf(tx.NewSelect().Model(&replaced), t.Org).Where("name = ?", t.Name).Where("revoked_at IS NULL").Scan(ctx); err != nil {
				return err
			}
			for _, r := range replaced {
				if err := revokeIn(ctx, tx, r, t.CreatedAt); err != nil {
					return err
				}
			}
		}
		living, err := tokensOf(tx.NewSelect().Model((*tokenRow)(nil)), t.Org).Where("revoked_at IS NULL").Count(ctx)
		if err != nil {
			return err
		}
		if living >= registry.MaxTokens {
			return fmt.Errorf("%w: %d tokens", registry.ErrTooMany, living)
		}
		if _, err = tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		return auditIn(ctx, tx, t.Org, row.event(audit.TokenCreate))
	})
	if err != nil {
		return fmt.Errorf("create token %s: %w", t.Name, classify(err))
	}
	return nil
}

// tokensOf narrows a query to the tokens of an organization; for the zero ID, to the
// instance tokens.
func tokensOf(query *bun.SelectQuery, owner org.ID) *bun.SelectQuery {
	if owner.IsZero() {
		return query.Where("org_id IS NULL")
	}
	return query.Where("org_id = ?", owner.String())
}

// Token returns the record with that id, revoked or not, or registry.ErrNotFound.
func (db *DB) Token(ctx context.Context, id uuid.UUID) (registry.Token, error) {
	var row tokenRow
	if err := db.read.NewSelect().Model(&row).Where("id = ?", id.String()).Scan(ctx); err != nil {
		return registry.Token{}, fmt.Errorf("read token %s: %w", id, classify(err))
	}
	return row.token()
}

// Tokens returns the tokens of an organization in the order of their names; for the zero
// ID, the instance tokens. Of those that are revoked it returns the registry.MaxTokens that
// were last, and one more, by which it is known that there are others: they are in the audit
// log.
func (db *DB) Tokens(ctx context.Context, owner org.ID) ([]registry.Token, error) {
	var rows, revoked []tokenRow
	err := tokensOf(db.read.NewSelect().Model(&rows), owner).Where("revoked_at IS NULL").Scan(ctx)
	if err == nil {
		err = tokensOf(db.read.NewSelect().Model(&revoked), owner).Where("revoked_at IS NOT NULL").
			Order("revoked_at DESC", "id").Limit(registry.MaxTokens + 1).Scan(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", classify(err))
	}
	rows = append(rows, revoked...)
	slices.SortFunc(rows, func(a, b tokenRow) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), a.CreatedAt.Compare(b.CreatedAt))
	})
	return recordsOf(rows, tokenRow.token)
}

// RevokeToken takes a token back for good. Revoking again keeps the first time;
// registry.ErrNotFound when there is no such token.
func (db *DB) RevokeToken(ctx context.Context, id uuid.UUID, at time.Time) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row tokenRow
		if err := tx.NewSelect().Model(&row).Where("id = ?", id.String()).Scan(ctx); err != nil {
			return err
		}
		return revokeIn(ctx, tx, row, at)
	})
	if err != nil {
		return fmt.Errorf("revoke token %s: %w", id, classify(err))
	}
	return nil
}

func revokeIn(ctx context.Context, tx bun.Tx, row tokenRow, at time.Time) error {
	token, err := row.token()
	if err != nil || token.Revoked() {
		return err
	}
	if err := auditIn(ctx, tx, token.Org, row.event(audit.TokenRevoke)); err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model(&row).WherePK().Set("revoked_at = ?", instant(at)).Exec(ctx)
	return err
}

// TouchToken records that a token was used.
func (db *DB) TouchToken(ctx context.Context, id uuid.UUID, at time.Time) error {
	result, err := db.write.NewUpdate().Model((*tokenRow)(nil)).
		Set("last_used_at = ?", instant(at)).Where("id = ?", id.String()).Exec(ctx)
	if err := affected(result, err); err != nil {
		return fmt.Errorf("touch token %s: %w", id, err)
	}
	return nil
}

func (r tokenRow) event(action string) audit.Event {
	details := map[string]string{audit.DetailName: r.Name}
	if !r.ExpiresAt.IsZero() {
		details["expires"] = r.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return audit.Event{Action: action, Object: "token/" + r.ID, Details: details}
}
