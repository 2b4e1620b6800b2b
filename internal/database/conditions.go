package database

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type conditionRow struct {
	bun.BaseModel `bun:"table:organization_conditions"`

	OrgID   string `bun:",pk"`
	Type    string `bun:",pk"`
	Status  string
	Reason  string
	Message string
	Since   time.Time
}

// Conditions returns what is known of an organization, in the order of
// registry.ConditionTypes; what nobody has reported yet is left out.
func (db *DB) Conditions(ctx context.Context, id org.ID) ([]registry.Condition, error) {
	known, err := conditionsIn(ctx, db.read, id)
	if err != nil {
		return nil, fmt.Errorf("read conditions of %s: %w", id, classify(err))
	}
	var conditions []registry.Condition
	for _, of := range registry.ConditionTypes {
		if row, ok := known[string(of)]; ok {
			conditions = append(conditions, registry.Condition{
				Type: of, Status: registry.ConditionStatus(row.Status),
				Reason: row.Reason, Message: row.Message, Since: row.Since.UTC(),
			})
		}
	}
	return conditions, nil
}

func conditionsIn(ctx context.Context, in bun.IDB, id org.ID) (map[string]conditionRow, error) {
	var rows []conditionRow
	if err := in.NewSelect().Model(&rows).Where("org_id = ?", id.String()).Scan(ctx); err != nil {
		return nil, err
	}
	known := map[string]conditionRow{}
	for _, row := range rows {
		known[row.Type] = row
	}
	return known, nil
}

// Report writes down what became of an organization: conditions as far as they changed,
// and events, all in one transaction. When there is nothing new it writes nothing.
func (db *DB) Report(ctx context.Context, id org.ID, conditions []registry.Condition, events ...registry.Event) error {
	if len(events) == 0 { // most looks find what the last one found
		known, err := conditionsIn(ctx, db.read, id)
		if err != nil {
			return fmt.Errorf("read conditions of %s: %w", id, classify(err))
		}
		if len(changed(known, id, conditions, time.Time{})) == 0 {
			return nil
		}
	}
	now := instant(time.Now())
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		known, err := conditionsIn(ctx, tx, id)
		if err != nil {
			return err
		}
		if rows := changed(known, id, conditions, now); len(rows) > 0 {
			_, err := tx.NewInsert().Model(&rows).On("CONFLICT (org_id, type) DO UPDATE").
				Set("status = EXCLUDED.status").Set("reason = EXCLUDED.reason").
				Set("message = EXCLUDED.message").Set("since = EXCLUDED.since").Exec(ctx)
			if err != nil {
				return err
			}
		}
		return recordEvents(ctx, tx, id, now, events...)
	})
	if err != nil {
		return fmt.Errorf("report on organization %s: %w", id, classify(err))
	}
	return nil
}

// changed returns rows for those conditions that say something else than what is known.
// A condition keeps the time of its last transition while its status stays.
func changed(known map[string]conditionRow, id org.ID, reported []registry.Condition, now time.Time) []conditionRow {
	var rows []conditionRow
	for _, c := range reported {
		row := conditionRow{
			OrgID: id.String(), Type: string(c.Type), Status: string(c.Status), Reason: c.Reason, Message: c.Message, Since: now,
		}
		before, ok := known[row.Type]
		if ok && before.Status == row.Status {
			row.Since = before.Since
			if before.Reason == row.Reason && before.Message == row.Message {
				continue
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// Census counts the organizations that are not deleted by state, and their conditions that
// are false by type.
func (db *DB) Census(ctx context.Context) (states map[org.State]int, unmet map[registry.ConditionType]int, err error) {
	var byState []struct {
		State org.State
		N     int
	}
	err = db.read.NewSelect().Model((*organizationRow)(nil)).Column("state").ColumnExpr("count(*) AS n").
		Where("state <> 'deleted'").Group("state").Scan(ctx, &byState)
	if err != nil {
		return nil, nil, fmt.Errorf("count organizations: %w", classify(err))
	}
	var byType []struct {
		Type registry.ConditionType
		N    int
	}
	err = db.read.NewSelect().Model((*conditionRow)(nil)).Column("type").ColumnExpr("count(*) AS n").
		Join("JOIN organizations AS o ON o.id = org_id").
		Where("status = 'False'").Where("o.state <> 'deleted'").Group("type").Scan(ctx, &byType)
	if err != nil {
		return nil, nil, fmt.Errorf("count conditions: %w", classify(err))
	}
	states, unmet = map[org.State]int{}, map[registry.ConditionType]int{}
	for _, r := range byState {
		states[r.State] = r.N
	}
	for _, r := range byType {
		unmet[r.Type] = r.N
	}
	return states, unmet, nil
}
