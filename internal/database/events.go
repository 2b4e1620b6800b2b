package database

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type eventRow struct {
	bun.BaseModel `bun:"table:organization_events"`

	OrgID   string `bun:",pk"`
	Reason  string `bun:",pk"`
	Message string `bun:",pk"`
	Count   int64
	FirstAt time.Time
	LastAt  time.Time
}

// Events returns up to limit of an organization's events, the latest first.
func (db *DB) Events(ctx context.Context, id org.ID, limit int) ([]registry.Event, error) {
	var rows []eventRow
	err := db.read.NewSelect().Model(&rows).Where("org_id = ?", id.String()).
		Order("last_at DESC", "first_at DESC", "reason").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read events of %s: %w", id, classify(err))
	}
	events := make([]registry.Event, 0, len(rows))
	for _, r := range rows {
		events = append(events, registry.Event{
			Reason: r.Reason, Message: r.Message, Count: r.Count, First: r.FirstAt.UTC(), Last: r.LastAt.UTC(),
		})
	}
	return events, nil
}

// recordEvents appends events to an organization's log in tx, or counts them up, and
// drops what is too old or too much.
func recordEvents(ctx context.Context, tx bun.Tx, id org.ID, now time.Time, events ...registry.Event) error {
	for i, e := range events {
		at := now.Add(time.Duration(i) * time.Microsecond) // in the order in which they are told
		row := eventRow{OrgID: id.String(), Reason: e.Reason, Message: e.Message, Count: 1, FirstAt: at, LastAt: at}
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (org_id, reason, message) DO UPDATE").
			Set("count = ?TableAlias.count + 1").Set("last_at = EXCLUDED.last_at").Exec(ctx)
		if err != nil {
			return err
		}
	}
	if len(events) == 0 {
		return nil
	}
	_, err := tx.NewDelete().Model((*eventRow)(nil)).Where("org_id = ?", id.String()).
		WhereGroup(" AND ", func(q *bun.DeleteQuery) *bun.DeleteQuery {
			oldest := tx.NewSelect().Model((*eventRow)(nil)).Column("last_at").Where("org_id = ?", id.String()).
				Order("last_at DESC").Limit(1).Offset(registry.MaxEvents - 1)
			return q.Where("last_at < ?", now.Add(-registry.MaxEventAge)).WhereOr("last_at < (?)", oldest)
		}).Exec(ctx)
	return err
}
