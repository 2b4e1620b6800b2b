package database

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type trustRow struct {
	bun.BaseModel `bun:"table:trusts"`

	ID        string `bun:",pk"`
	OrgID     string
	Name      string
	Issuer    string
	Audience  string
	Subjects  string // JSON
	Claims    string // JSON
	Seconds   int64
	Reusable  bool
	Enabled   bool
	CreatedAt time.Time
	CreatedBy string
}

func rowOfTrust(t registry.Trust) (trustRow, error) {
	subjects, err := json.Marshal(t.Subjects)
	if err != nil {
		return trustRow{}, fmt.Errorf("write subjects: %w", err)
	}
	claims, err := json.Marshal(t.Claims)
	if err != nil {
		return trustRow{}, fmt.Errorf("write claims: %w", err)
	}
	return trustRow{
		ID: t.ID.String(), OrgID: t.Org.String(), Name: t.Name, Issuer: t.Issuer, Audience: t.Audience,
		Subjects: string(subjects), Claims: string(claims), Seconds: int64(t.Lifetime / time.Second),
		Reusable: t.Reusable, Enabled: t.Enabled, CreatedAt: instant(t.CreatedAt), CreatedBy: t.CreatedBy,
	}, nil
}

func (r trustRow) trust() (registry.Trust, error) {
	t := registry.Trust{
		Name: r.Name, Issuer: r.Issuer, Audience: r.Audience, Lifetime: time.Duration(r.Seconds) * time.Second,
		Reusable: r.Reusable, Enabled: r.Enabled, CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
	}
	var err error
	if t.ID, err = uuid.Parse(r.ID); err != nil {
		return registry.Trust{}, fmt.Errorf("read trust row: %w", err)
	}
	if t.Org, err = org.ParseID(r.OrgID); err != nil {
		return registry.Trust{}, fmt.Errorf("read trust row %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.Subjects), &t.Subjects); err != nil {
		return registry.Trust{}, fmt.Errorf("read subjects of trust %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.Claims), &t.Claims); err != nil {
		return registry.Trust{}, fmt.Errorf("read claims of trust %s: %w", r.ID, err)
	}
	return t, nil
}

// CreateTrust stores a trust; registry.ErrExists when another one of the organization has
// its name, registry.ErrTooMany when it has registry.MaxTrusts.
func (db *DB) CreateTrust(ctx context.Context, t registry.Trust) error {
	row, err := rowOfTrust(t)
	if err != nil {
		return err
	}
	err = db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		held, err := tx.NewSelect().Model((*trustRow)(nil)).Where("org_id = ?", row.OrgID).Count(ctx)
		if err != nil {
			return err
		}
		if held >= registry.MaxTrusts {
			return fmt.Errorf("%w: %d trusts", registry.ErrTooMany, held)
		}
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		return auditIn(ctx, tx, t.Org, row.event(audit.TrustCreate))
	})
	if err != nil {
		return fmt.Errorf("create trust %s: %w", t.Name, classify(err))
	}
	return nil
}

func (r trustRow) event(action string) audit.Event {
	e := audit.Event{Action: action, Object: "trust/" + r.ID, Details: map[string]string{audit.DetailName: r.Name}}
	if action == audit.TrustCreate {
		e.Details["issuer"], e.Details["audience"], e.Details["subjects"] = r.Issuer, r.Audience, r.Subjects
		e.Details["reusable"] = strconv.FormatBool(r.Reusable)
	}
	return e
}

// Trust returns the trust with that id, or registry.ErrNotFound.
func (db *DB) Trust(ctx context.Context, id uuid.UUID) (registry.Trust, error) {
	var row trustRow
	if err := db.read.NewSelect().Model(&row).Where("id = ?", id.String()).Scan(ctx); err != nil {
		return registry.Trust{}, fmt.Errorf("read trust %s: %w", id, classify(err))
	}
	return row.trust()
}

// Trusts returns up to limit trusts of an organization, in the order of their names.
func (db *DB) Trusts(ctx context.Context, id org.ID, limit int) ([]registry.Trust, error) {
	var rows []trustRow
	if err := db.read.NewSelect().Model(&rows).Where("org_id = ?", id.String()).Order("name").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("list trusts: %w", classify(err))
	}
	return recordsOf(rows, trustRow.trust)
}

// SetTrustEnabled turns a trust of an organization on or off; registry.ErrNotFound when it
// is none of its. What it is already it stays, without a record.
func (db *DB) SetTrustEnabled(ctx context.Context, id org.ID, trust uuid.UUID, enabled bool) error {
	action := audit.TrustDisable
	if enabled {
		action = audit.TrustEnable
	}
	return db.changeTrust(ctx, id, trust, action, func(ctx context.Context, tx bun.Tx, row trustRow) (changed bool, err error) {
		if row.Enabled == enabled {
			return false, nil
		}
		_, err = tx.NewUpdate().Model(&row).WherePK().Set("enabled = ?", enabled).Exec(ctx)
		return true, err
	})
}

// DeleteTrust ends a trust of an organization, with the errors of SetTrustEnabled.
func (db *DB) DeleteTrust(ctx context.Context, id org.ID, trust uuid.UUID) error {
	return db.changeTrust(ctx, id, trust, audit.TrustDelete, func(ctx context.Context, tx bun.Tx, row trustRow) (changed bool, err error) {
		_, err = tx.NewDelete().Model(&row).WherePK().Exec(ctx)
		return true, err
	})
}

func (db *DB) changeTrust(ctx context.Context, id org.ID, trust uuid.UUID, action string, change func(context.Context, bun.Tx, trustRow) (changed bool, err error)) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row trustRow
		if err := tx.NewSelect().Model(&row).Where("id = ? AND org_id = ?", trust.String(), id.String()).Scan(ctx); err != nil {
			return err
		}
		if changed, err := change(ctx, tx, row); err != nil || !changed {
			return err
		}
		return auditIn(ctx, tx, id, row.event(action))
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", action, trust, classify(err))
	}
	return nil
}
