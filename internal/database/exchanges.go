package database

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/registry"
)

// exchangeRow is a provider's token that nobody may exchange again.
type exchangeRow struct {
	bun.BaseModel `bun:"table:exchanges"`

	SHA256    string `bun:"sha256,pk"`
	ExpiresAt time.Time
}

// RecordExchange records that a pipeline gets a token, and forgets the providers' tokens
// whose time is over. Unless the trust says otherwise, one provider's token is recorded
// once: of several who come with it, all but the first get registry.ErrExists.
func (db *DB) RecordExchange(ctx context.Context, e registry.Exchange, now time.Time) error {
	row := exchangeRow{SHA256: hex.EncodeToString(e.Sum[:]), ExpiresAt: instant(e.ExpiresAt)}
	// The key of the row is what makes it once, and the row of the chain what orders records:
	// on PostgreSQL this needs no serializable transaction, of which jobs that begin together
	// would have to try again.
	err := db.write.DB.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if !e.Trust.Reusable {
			if _, err := tx.NewDelete().Model((*exchangeRow)(nil)).Where("expires_at <= ?", instant(now)).Exec(ctx); err != nil {
				return err
			}
			if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
				return err
			}
		}
		return auditIn(ctx, tx, e.Trust.Org, audit.Event{
			Time: now, Action: audit.TrustUse, Object: "trust/" + e.Trust.ID.String(), Details: e.Details(),
		})
	})
	if err != nil {
		return fmt.Errorf("record exchange by trust %s: %w", e.Trust.ID, classify(err))
	}
	return nil
}
