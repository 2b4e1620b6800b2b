package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type probesRow struct {
	bun.BaseModel `bun:"table:organization_probes"`

	OrgID     string `bun:",pk"`
	Streak    int
	FailingAt time.Time `bun:",nullzero"`
	NextAt    time.Time
}

// Probes returns how the probes of an organization went; registry.ErrNotFound when there
// was none yet.
func (db *DB) Probes(ctx context.Context, id org.ID) (registry.Probes, error) {
	var row probesRow
	if err := db.read.NewSelect().Model(&row).Where("org_id = ?", id.String()).Scan(ctx); err != nil {
		return registry.Probes{}, fmt.Errorf("read probes of %s: %w", id, classify(err))
	}
	p := registry.Probes{Streak: row.Streak, Next: row.NextAt.UTC()}
	if !row.FailingAt.IsZero() {
		p.Failing = row.FailingAt.UTC()
	}
	return p, nil
}

// SaveProbes writes down how they went.
func (db *DB) SaveProbes(ctx context.Context, id org.ID, p registry.Probes) error {
	row := probesRow{OrgID: id.String(), Streak: p.Streak, NextAt: instant(p.Next)}
	if !p.Failing.IsZero() {
		row.FailingAt = instant(p.Failing)
	}
	_, err := db.write.NewInsert().Model(&row).On("CONFLICT (org_id) DO UPDATE").
		Set("streak = EXCLUDED.streak").Set("failing_at = EXCLUDED.failing_at").Set("next_at = EXCLUDED.next_at").Exec(ctx)
	if err != nil {
		return fmt.Errorf("save probes of %s: %w", id, classify(err))
	}
	return nil
}

// ProbesDue returns up to limit organizations whose probe is due, or put off for longer than
// that, the longest due first, of those that have storage.
func (db *DB) ProbesDue(ctx context.Context, longest time.Duration, limit int) ([]org.ID, error) {
	var rows []string
	now := time.Now()
	err := db.read.NewSelect().Model((*probesRow)(nil)).Column("org_id").
		Join("JOIN organizations AS o ON o.id = org_id").
		Where("next_at <= ? OR next_at > ?", instant(now), instant(now.Add(longest))).Where("o.state IN ('pending', 'ready', 'degraded')").
		Order("next_at").Limit(int64(limit)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list due probes: %w", classify(err))
	}
	ids := make([]org.ID, 0, len(rows))
	for _, text := range rows {
		id, err := org.ParseID(text)
		if err != nil {
			return nil, fmt.Errorf("read probes row: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Neighbour returns some ready organization other than the given one;
// registry.ErrNotFound when there is none.
func (db *DB) Neighbour(ctx context.Context, of org.ID) (org.ID, error) {
	from := org.NewID().String() // a random place in the order of ids
	for _, where := range []string{"id >= ?", "id < ?"} {
		var id string
		err := db.read.NewSelect().Model((*organizationRow)(nil)).Column("id").
			Where("state = 'ready'").Where("id <> ?", of.String()).Where(where, from).
			Order("id").Limit(1).Scan(ctx, &id)
		switch err = classify(err); {
		case err == nil:
			return org.ParseID(id)
		case !errors.Is(err, registry.ErrNotFound):
			return org.ID{}, fmt.Errorf("find a neighbour of %s: %w", of, err)
		}
	}
	return org.ID{}, registry.ErrNotFound
}
