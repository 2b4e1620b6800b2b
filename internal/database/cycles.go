package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// What the reconciler's cycles remember.

type observationRow struct {
	bun.BaseModel `bun:"table:observations"`

	OrgID         string `bun:",pk"`
	PolicyID      string
	PolicyVersion string
	PolicyUpdated int64
	Alias         string
	Scheme        string
}

func (r observationRow) seen() registry.Seen {
	return registry.Seen{PolicyID: r.PolicyID, PolicyVersion: r.PolicyVersion, PolicyUpdated: r.PolicyUpdated, Alias: r.Alias, Scheme: r.Scheme}
}

type cycleRow struct {
	bun.BaseModel `bun:"table:cycles"`

	Name          string `bun:",pk"`
	AfterID       string
	Organizations int64
	BaseRoleID    string
}

type orphanRow struct {
	bun.BaseModel `bun:"table:orphans"`

	Kind      string `bun:",pk"`
	Name      string `bun:",pk"`
	FirstSeen time.Time
}

// Seen returns what was remembered of the organizations with ids from the first to the
// last, both included. Those of which nothing was are missing.
func (db *DB) Seen(ctx context.Context, first, last org.ID) (map[org.ID]registry.Seen, error) {
	var rows []observationRow
	err := db.read.NewSelect().Model(&rows).Where("org_id >= ? AND org_id <= ?", first.String(), last.String()).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what was seen of organizations: %w", classify(err))
	}
	seen := make(map[org.ID]registry.Seen, len(rows))
	for _, r := range rows {
		id, err := org.ParseID(r.OrgID)
		if err != nil {
			return nil, fmt.Errorf("read what was seen of organizations: %w", err)
		}
		seen[id] = r.seen()
	}
	return seen, nil
}

// Remember keeps what was seen of an organization. What is known already writes nothing.
func (db *DB) Remember(ctx context.Context, id org.ID, seen registry.Seen) error {
	if known, err := db.Seen(ctx, id, id); err != nil || known[id] == seen {
		return err
	}
	row := observationRow{
		OrgID: id.String(), PolicyID: seen.PolicyID, PolicyVersion: seen.PolicyVersion,
		PolicyUpdated: seen.PolicyUpdated, Alias: seen.Alias, Scheme: seen.Scheme,
	}
	_, err := db.write.NewInsert().Model(&row).On("CONFLICT (org_id) DO UPDATE").
		Set("policy_id = EXCLUDED.policy_id").Set("policy_version = EXCLUDED.policy_version").
		Set("policy_updated = EXCLUDED.policy_updated").Set("alias = EXCLUDED.alias").Set("scheme = EXCLUDED.scheme").Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember what was seen of organization %s: %w", id, classify(err))
	}
	return nil
}

const theCycle = "organizations"

// Cycle returns what the last cycle left; the zero Cycle before the first.
func (db *DB) Cycle(ctx context.Context) (registry.Cycle, error) {
	var row cycleRow
	err := classify(db.read.NewSelect().Model(&row).Where("name = ?", theCycle).Scan(ctx))
	if errors.Is(err, registry.ErrNotFound) {
		return registry.Cycle{}, nil
	}
	if err != nil {
		return registry.Cycle{}, fmt.Errorf("read the last cycle: %w", err)
	}
	cycle := registry.Cycle{Organizations: int(row.Organizations), BaseRoleID: row.BaseRoleID}
	if row.AfterID != "" {
		if cycle.After, err = org.ParseID(row.AfterID); err != nil {
			return registry.Cycle{}, fmt.Errorf("read the last cycle: %w", err)
		}
	}
	return cycle, nil
}

// SaveCycle leaves something to the next cycle.
func (db *DB) SaveCycle(ctx context.Context, c registry.Cycle) error {
	row := cycleRow{Name: theCycle, Organizations: int64(c.Organizations), BaseRoleID: c.BaseRoleID}
	if !c.After.IsZero() {
		row.AfterID = c.After.String()
	}
	_, err := db.write.NewInsert().Model(&row).On("CONFLICT (name) DO UPDATE").
		Set("after_id = EXCLUDED.after_id").Set("organizations = EXCLUDED.organizations").Set("base_role_id = EXCLUDED.base_role_id").Exec(ctx)
	if err != nil {
		return fmt.Errorf("save the cycle: %w", classify(err))
	}
	return nil
}

// CountOrganizations counts all that there ever were, deleted ones included.
func (db *DB) CountOrganizations(ctx context.Context) (int, error) {
	n, err := db.read.NewSelect().Model((*organizationRow)(nil)).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count organizations: %w", classify(err))
	}
	return int(n), nil
}

// Orphans returns the orphans that the last cycle saw, oldest first.
func (db *DB) Orphans(ctx context.Context) ([]registry.Orphan, error) {
	var rows []orphanRow
	if err := db.read.NewSelect().Model(&rows).Order("first_seen", "kind", "name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read orphans: %w", classify(err))
	}
	orphans := make([]registry.Orphan, 0, len(rows))
	for _, r := range rows {
		orphans = append(orphans, registry.Orphan{Kind: r.Kind, Name: r.Name, FirstSeen: r.FirstSeen.UTC()})
	}
	return orphans, nil
}

// orphansAtOnce bounds the parameters of one statement.
const orphansAtOnce = 200

// SaveOrphans adds orphans that came, and forgets those that went.
func (db *DB) SaveOrphans(ctx context.Context, came, went []registry.Orphan) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		for chunk := range slices.Chunk(came, orphansAtOnce) {
			rows := make([]orphanRow, 0, len(chunk))
			for _, o := range chunk {
				rows = append(rows, orphanRow{Kind: o.Kind, Name: o.Name, FirstSeen: instant(o.FirstSeen)})
			}
			if _, err := tx.NewInsert().Model(&rows).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
				return err
			}
		}
		for _, o := range went {
			if _, err := tx.NewDelete().Model((*orphanRow)(nil)).Where("kind = ? AND name = ?", o.Kind, o.Name).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save orphans: %w", classify(err))
	}
	return nil
}
