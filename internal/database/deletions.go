package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type deletionRow struct {
	bun.BaseModel `bun:"table:deletions"`

	OrgID       string `bun:",pk"`
	DeletedAt   time.Time
	PurgeAt     time.Time
	BegunAt     time.Time `bun:",nullzero"`
	PurgedAt    time.Time `bun:",nullzero"`
	LeasedUntil time.Time `bun:",nullzero"`
	Objects     int64
	Bytes       int64
}

func (r deletionRow) deletion() (registry.Deletion, error) {
	id, err := org.ParseID(r.OrgID)
	if err != nil {
		return registry.Deletion{}, fmt.Errorf("read deletion row: %w", err)
	}
	return registry.Deletion{
		Org: id, DeletedAt: r.DeletedAt.UTC(), PurgeAt: r.PurgeAt.UTC(),
		BegunAt: r.BegunAt.UTC(), PurgedAt: r.PurgedAt.UTC(), Objects: r.Objects, Bytes: r.Bytes,
	}, nil
}

// RetainObjects records, when nothing else is left of a deleted organization, that its
// objects are kept for so long from now. What is recorded already stays as it is: a
// shorter retention takes nothing back from those who were promised a longer one.
func (db *DB) RetainObjects(ctx context.Context, id org.ID, retention time.Duration) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		// Between the reconciler's look and now it may have been brought back.
		if _, err := goneIn(ctx, tx, id); err != nil {
			return err
		}
		now, err := clockIn(ctx, tx)
		if err != nil {
			return err
		}
		row := deletionRow{OrgID: id.String(), DeletedAt: now, PurgeAt: instant(now.Add(retention))}
		_, err = tx.NewInsert().Model(&row).On("CONFLICT (org_id) DO NOTHING").Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the retention of organization %s: %w", id, classify(err))
	}
	return nil
}

// RenewRetention begins the retention of a deleted organization's objects anew, for as long
// as before and a day at least: it was found to live after its deletion was recorded. When
// the purge has begun it changes nothing.
func (db *DB) RenewRetention(ctx context.Context, id org.ID) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := goneIn(ctx, tx, id); err != nil {
			return err
		}
		now, err := clockIn(ctx, tx)
		if err != nil {
			return err
		}
		var row deletionRow
		if err := tx.NewSelect().Model(&row).Where("org_id = ?", id.String()).Scan(ctx); err != nil {
			return err
		}
		if !row.BegunAt.IsZero() {
			return nil
		}
		retention := max(row.PurgeAt.Sub(row.DeletedAt), registry.RenewedRetention)
		row.DeletedAt, row.PurgeAt = now, instant(now.Add(retention))
		_, err = tx.NewUpdate().Model(&row).WherePK().Column("deleted_at", "purge_at").Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("renew the retention of organization %s: %w", id, classify(err))
	}
	return nil
}

// goneIn reads an organization that is deleted or being deleted, or returns
// registry.ErrNotDeleted.
func goneIn(ctx context.Context, tx bun.Tx, id org.ID) (organizationRow, error) {
	var row organizationRow
	if err := tx.NewSelect().Model(&row).Where("id = ?", id.String()).Scan(ctx); err != nil {
		return row, err
	}
	if s := org.State(row.State); s != org.Deleting && s != org.Deleted {
		return row, fmt.Errorf("%w: it is %s", registry.ErrNotDeleted, s)
	}
	return row, nil
}

// Deletion returns what becomes of a deleted organization's objects, or
// registry.ErrNotFound.
func (db *DB) Deletion(ctx context.Context, id org.ID) (registry.Deletion, error) {
	var row deletionRow
	if err := db.read.NewSelect().Model(&row).Where("org_id = ?", id.String()).Scan(ctx); err != nil {
		return registry.Deletion{}, fmt.Errorf("read the deletion of organization %s: %w", id, classify(err))
	}
	return row.deletion()
}

// DeleteManagedBackend takes the managed storage backend of an organization away. It is
// content when there is none.
func (db *DB) DeleteManagedBackend(ctx context.Context, id org.ID) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var gone backendRow
		err := tx.NewSelect().Model(&gone).Where("org_id = ? AND managed", id.String()).Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := auditIn(ctx, tx, id, audit.Event{Action: audit.BackendDelete, Object: "backend/" + gone.ID, Details: map[string]string{audit.DetailName: gone.Name}}); err != nil {
			return err
		}
		_, err = tx.NewDelete().Model(&gone).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete managed backend of %s: %w", id, classify(err))
	}
	return nil
}

// UndeleteOrganization brings a deleted organization back, or one that is being deleted,
// under the name that it had, or another one: it becomes pending, as a new one, with the
// job that makes it ready. registry.ErrNotDeleted when there is nothing to bring back,
// registry.ErrPurging when it is too late, registry.ErrExists when the name is taken.
func (db *DB) UndeleteOrganization(ctx context.Context, id org.ID, name org.Name) (org.Organization, error) {
	var back org.Organization
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		row, err := goneIn(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := notPurged(ctx, tx, id); err != nil {
			return err
		}
		current, err := row.organization()
		if err != nil {
			return err
		}
		if back, err = current.To(org.Pending, "", instant(time.Now())); err != nil {
			return err
		}
		if name != "" {
			back.Name = name
		}
		row = rowOfOrganization(back)
		if _, err := tx.NewUpdate().Model(&row).WherePK().Column("name", "state", "reason", "updated_at").
			Set("generation = generation + 1").Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*deletionRow)(nil)).Where("org_id = ?", row.ID).Exec(ctx); err != nil {
			return err
		}
		fresh := registry.NewManagedBackend(id, back.UpdatedAt)
		if fresh.Default, err = lacksDefault(ctx, tx, id); err != nil {
			return err
		}
		backend := rowOfBackend(fresh)
		if _, err := tx.NewInsert().Model(&backend).On("CONFLICT (org_id, name) DO NOTHING").Exec(ctx); err != nil {
			return err
		}
		if err := auditIn(ctx, tx, id, ofOrganization(audit.OrganizationUndelete, id, back.Name)); err != nil {
			return err
		}
		return db.queue.Enqueue(ctx, tx.Tx, id)
	})
	if err != nil {
		return org.Organization{}, fmt.Errorf("undelete organization %s: %w", id, classify(err))
	}
	return back, nil
}

func notPurged(ctx context.Context, tx bun.Tx, id org.ID) error {
	var row deletionRow
	switch err := tx.NewSelect().Model(&row).Where("org_id = ?", id.String()).Scan(ctx); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case !row.BegunAt.IsZero():
		return registry.ErrPurging
	}
	return nil
}

// DeletedOrganizations returns a page of the organizations that are deleted or being
// deleted, in the order of their ids: up to limit of those whose id comes after the given
// one (the zero ID: from the start); with a name, those that had it.
func (db *DB) DeletedOrganizations(ctx context.Context, name org.Name, after org.ID, limit int) ([]registry.DeletedOrganization, error) {
	var rows []organizationRow
	query := db.read.NewSelect().Model(&rows).Where("state IN ('deleting', 'deleted')").Order("id").Limit(int64(limit))
	if name != "" {
		query = query.Where("name = ?", string(name))
	}
	if !after.IsZero() {
		query = query.Where("id > ?", after.String())
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list deleted organizations: %w", classify(err))
	}
	organizations, err := organizationsOf(rows)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	var records []deletionRow
	if err := db.read.NewSelect().Model(&records).Where("org_id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("list deletions: %w", classify(err))
	}
	deletions := map[org.ID]registry.Deletion{}
	for _, r := range records {
		d, err := r.deletion()
		if err != nil {
			return nil, err
		}
		deletions[d.Org] = d
	}
	deleted := make([]registry.DeletedOrganization, len(organizations))
	for i, o := range organizations {
		deleted[i] = registry.DeletedOrganization{Organization: o, Deletion: deletions[o.ID]}
	}
	return deleted, nil
}
