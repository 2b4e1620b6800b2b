package database

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// CreateBackend stores a storage backend in an organization's own bucket. If it is to be
// the default or the fallback, no other one is any more. registry.ErrExists when the name
// is taken, registry.ErrTooMany when the organization has as many as it may.
func (db *DB) CreateBackend(ctx context.Context, b registry.Backend) error {
	row := rowOfBackend(b)
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		have, err := tx.NewSelect().Model((*backendRow)(nil)).Where("org_id = ? AND NOT managed", row.OrgID).Count(ctx)
		if err != nil {
			return err
		}
		if have >= registry.MaxBackends {
			return registry.ErrTooMany
		}
		if err := makeRoom(ctx, tx, b); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		return auditIn(ctx, tx, b.Org, changeOf(audit.BackendCreate, row))
	})
	if err != nil {
		return fmt.Errorf("create storage backend %s of %s: %w", b.Name, b.Org, classify(err))
	}
	return nil
}

// UpdateBackend changes one of them, and whether any is the default; of the managed one
// that alone. A default that is one no longer leaves its place to the next.
// registry.ErrConflict when it was changed since it was as of seen, its UpdatedAt.
func (db *DB) UpdateBackend(ctx context.Context, b registry.Backend, seen time.Time) error {
	row := rowOfBackend(b)
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if err := makeRoom(ctx, tx, b); err != nil {
			return err
		}
		columns := []string{"is_default", "updated_at"}
		if !b.Managed {
			columns = append(columns, "description", "fallback", "region", "role_arn", "external_id", "max_bytes", "status", "validation_error", "validated_at", "check_at")
		}
		err := affected(tx.NewUpdate().Model(&row).Column(columns...).
			Where("id = ? AND org_id = ? AND managed = ? AND updated_at = ?", row.ID, row.OrgID, row.Managed, instant(seen)).Exec(ctx))
		if errors.Is(err, registry.ErrNotFound) {
			return registry.ErrConflict
		} else if err != nil {
			return err
		}
		if err := auditIn(ctx, tx, b.Org, changeOf(audit.BackendUpdate, row)); err != nil {
			return err
		}
		return promote(ctx, tx, b.Org, row.UpdatedAt, "the storage backend "+b.Name+" is the default no longer", row.ID)
	})
	if err != nil {
		return fmt.Errorf("update storage backend %s of %s: %w", b.Name, b.Org, classify(err))
	}
	return nil
}

// DeleteBackend removes the record of an organization's own bucket, and nothing in it.
func (db *DB) DeleteBackend(ctx context.Context, b registry.Backend) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if err := affected(tx.NewDelete().Model((*backendRow)(nil)).Where("id = ? AND org_id = ? AND NOT managed", b.ID.String(), b.Org.String()).Exec(ctx)); err != nil {
			return err
		}
		if err := auditIn(ctx, tx, b.Org, changeOf(audit.BackendDelete, rowOfBackend(b))); err != nil {
			return err
		}
		return promote(ctx, tx, b.Org, instant(time.Now()), "the storage backend "+b.Name+" was deleted")
	})
	if err != nil {
		return fmt.Errorf("delete storage backend %s of %s: %w", b.Name, b.Org, classify(err))
	}
	return nil
}

// RecordValidation writes down what a validation of b found, and when the next one is due.
// finding says what is to be done about it; empty: it is valid. One that is not valid is not
// the default any more. registry.ErrConflict when b's coordinates are others by now.
func (db *DB) RecordValidation(ctx context.Context, b registry.Backend, finding string, at, next time.Time) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var row backendRow
		err := tx.NewSelect().Model(&row).Where("id = ? AND org_id = ? AND NOT managed", b.ID.String(), b.Org.String()).
			Where("region = ? AND role_arn = ? AND external_id = ?", b.Bucket.Region, b.Bucket.RoleARN, b.Bucket.ExternalID).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return registry.ErrConflict
		}
		if err != nil {
			return err
		}
		before := row
		row.Status, row.ValidationError, row.ValidatedAt, row.CheckAt = string(registry.BackendValid), finding, instant(at), instant(next)
		if finding != "" {
			row.Status, row.IsDefault = string(registry.BackendInvalid), false
		}
		changed := row.Status != before.Status || row.ValidationError != before.ValidationError
		if changed {
			row.UpdatedAt = instant(at)
		}
		_, err = tx.NewUpdate().Model(&row).WherePK().Column("status", "validation_error", "validated_at", "check_at", "is_default", "updated_at").Exec(ctx)
		if err != nil {
			return err
		}
		if changed {
			if err := auditIn(ctx, tx, b.Org, ofBackend(row, row.ID)); err != nil {
				return err
			}
		}
		if finding == "" {
			return nil
		}
		if changed {
			if err := recordEvents(ctx, tx, b.Org, instant(at), registry.Event{Reason: "BackendInvalid", Message: "the storage backend " + b.Name + " is not valid"}); err != nil {
				return err
			}
		}
		return promote(ctx, tx, b.Org, instant(at), "the storage backend "+b.Name+" is not valid", row.ID)
	})
	if err != nil {
		return fmt.Errorf("record the validation of storage backend %s of %s: %w", b.Name, b.Org, classify(err))
	}
	return nil
}

// changeOf says what was done to a storage backend, by its id and name: whose bucket it is
// in is nobody's business here.
func changeOf(action string, row backendRow) audit.Event {
	return audit.Event{Action: action, Object: "backend/" + row.ID, Details: map[string]string{audit.DetailName: row.Name}}
}

// makeRoom takes from the others what b is to be.
func makeRoom(ctx context.Context, tx bun.Tx, b registry.Backend) error {
	for column, wanted := range map[string]bool{"is_default": b.Default, "fallback": b.Fallback} {
		if !wanted {
			continue
		}
		_, err := tx.NewUpdate().Model((*backendRow)(nil)).Set("? = ?", bun.Ident(column), false).Set("updated_at = ?", instant(b.UpdatedAt)).
			Where("org_id = ? AND id <> ? AND ?", b.Org.String(), b.ID.String(), bun.Ident(column)).Exec(ctx)
		if err != nil {
			return err
		}
	}
	return nil
}

// promote gives an organization without a default the next one: the fallback if it is
// valid, or else the managed one. Why is why there is none, and except is not asked.
func promote(ctx context.Context, tx bun.Tx, id org.ID, now time.Time, why string, except ...string) error {
	lacking, err := lacksDefault(ctx, tx, id)
	if err != nil || !lacking {
		return err
	}
	var next backendRow
	query := tx.NewSelect().Model(&next).Where("org_id = ?", id.String()).
		Where("managed OR fallback AND status = ?", string(registry.BackendValid)).Order("managed").Limit(1)
	if len(except) > 0 {
		query = query.Where("managed OR id NOT IN (?)", bun.List(except))
	}
	if err := query.Scan(ctx); errors.Is(err, sql.ErrNoRows) {
		return nil // its managed one is being made, and becomes the default then
	} else if err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model((*backendRow)(nil)).Set("is_default = ?", true).Set("fallback = ?", false).Set("updated_at = ?", now).
		Where("id = ?", next.ID).Exec(ctx)
	if err != nil {
		return err
	}
	if err := auditIn(ctx, tx, id, changeOf(audit.BackendDefault, next)); err != nil {
		return err
	}
	return recordEvents(ctx, tx, id, now, registry.Event{Reason: "DefaultBackend", Message: why + "; artifacts are stored in " + next.Name})
}

// DueBackends returns up to limit backends of living organizations that are to be
// validated at now, and has the others who ask not see them until then.
func (db *DB) DueBackends(ctx context.Context, now, then time.Time, limit int) ([]registry.Backend, error) {
	var rows []backendRow
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		rows = nil
		living := tx.NewSelect().Model((*organizationRow)(nil)).Column("id").Where("state NOT IN ('deleting', 'deleted')")
		if err := tx.NewSelect().Model(&rows).Where("check_at <= ? AND org_id IN (?)", instant(now), living).
			Order("check_at", "id").Limit(int64(limit)).Scan(ctx); err != nil || len(rows) == 0 {
			return err
		}
		ids := make([]string, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		_, err := tx.NewUpdate().Model((*backendRow)(nil)).Set("check_at = ?", instant(then)).Where("id IN (?)", bun.List(ids)).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list storage backends to be validated: %w", classify(err))
	}
	return backendsOf(rows)
}

type externalIDRow struct {
	bun.BaseModel `bun:"table:external_ids"`

	OrgID      string `bun:",pk"`
	ExternalID string `bun:"external_id"`
	CreatedAt  time.Time
}

// ExternalID returns the external id of an organization, which is made when it is first
// asked for and never changes.
func (db *DB) ExternalID(ctx context.Context, id org.ID) (string, error) {
	var row externalIDRow
	read := func(in bun.IDB) error {
		return in.NewSelect().Model(&row).Where("org_id = ?", id.String()).Scan(ctx)
	}
	err := read(db.read)
	if errors.Is(err, sql.ErrNoRows) {
		// 26 characters of base32, 130 bits: nobody finds another organization's by trying.
		fresh := externalIDRow{OrgID: id.String(), ExternalID: "managedcas-" + rand.Text(), CreatedAt: instant(time.Now())}
		if _, err = db.write.NewInsert().Model(&fresh).On("CONFLICT (org_id) DO NOTHING").Exec(ctx); err == nil {
			err = read(db.write)
		}
	}
	if err != nil {
		return "", fmt.Errorf("read the external id of %s: %w", id, classify(err))
	}
	return row.ExternalID, nil
}
