package database

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type backendRow struct {
	bun.BaseModel `bun:"table:storage_backends"`

	ID          string `bun:",pk"`
	OrgID       string
	Name        string
	Managed     bool
	IsDefault   bool
	Status      string
	MaxBytes    int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
	ValidatedAt time.Time `bun:",nullzero"`
}

func rowOfBackend(b registry.Backend) backendRow {
	return backendRow{
		ID: b.ID.String(), OrgID: b.Org.String(), Name: b.Name,
		Managed: b.Managed, IsDefault: b.Default, Status: string(b.Status), MaxBytes: b.MaxBytes,
		CreatedAt: instant(b.CreatedAt), UpdatedAt: instant(b.UpdatedAt), ValidatedAt: instant(b.ValidatedAt),
	}
}

func (r backendRow) backend() (registry.Backend, error) {
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return registry.Backend{}, fmt.Errorf("read storage backend row: %w", err)
	}
	owner, err := org.ParseID(r.OrgID)
	if err != nil {
		return registry.Backend{}, fmt.Errorf("read storage backend row: %w", err)
	}
	return registry.Backend{
		ID: id, Org: owner, Name: r.Name,
		Managed: r.Managed, Default: r.IsDefault, Status: registry.BackendStatus(r.Status), MaxBytes: r.MaxBytes,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), ValidatedAt: r.ValidatedAt.UTC(),
	}, nil
}

// Backends returns an organization's storage backends in the order of their names.
// An organization that does not exist has none.
func (db *DB) Backends(ctx context.Context, id org.ID) ([]registry.Backend, error) {
	var rows []backendRow
	if err := db.read.NewSelect().Model(&rows).Where("org_id = ?", id.String()).Order("name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list storage backends of %s: %w", id, classify(err))
	}
	backends := make([]registry.Backend, 0, len(rows))
	for _, r := range rows {
		b, err := r.backend()
		if err != nil {
			return nil, err
		}
		backends = append(backends, b)
	}
	return backends, nil
}

// SaveManagedBackend records that the managed storage backend of an organization is
// provisioned: it becomes valid, as of now, and is created when it is missing. It
// becomes the default unless the organization has chosen another one. Repeating it
// only renews the time of validation.
func (db *DB) SaveManagedBackend(ctx context.Context, id org.ID) error {
	now := instant(time.Now())
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var before backendRow
		if err := classify(tx.NewSelect().Model(&before).Where("org_id = ? AND managed", id.String()).Scan(ctx)); err != nil && !errors.Is(err, registry.ErrNotFound) {
			return err
		}
		hasDefault, err := tx.NewSelect().Model((*backendRow)(nil)).
			Where("org_id = ? AND is_default", id.String()).Exists(ctx)
		if err != nil {
			return err
		}
		fresh := registry.NewManagedBackend(id, now)
		fresh.Status, fresh.ValidatedAt, fresh.Default = registry.BackendValid, now, !hasDefault
		row := rowOfBackend(fresh)
		if before.Status != row.Status {
			if err := auditIn(ctx, tx, id, ofBackend(row, before.ID)); err != nil {
				return err
			}
		}
		_, err = tx.NewInsert().Model(&row).
			On("CONFLICT (org_id, name) DO UPDATE").
			Set("status = EXCLUDED.status").
			Set("validated_at = EXCLUDED.validated_at").
			Set("updated_at = EXCLUDED.updated_at").
			Set("is_default = ?TableAlias.is_default OR EXCLUDED.is_default").
			Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("save managed backend of %s: %w", id, classify(err))
	}
	return nil
}

// ofBackend says that a storage backend was found usable. One that was there keeps its id.
func ofBackend(row backendRow, existing string) audit.Event {
	return audit.Event{
		Action: audit.BackendValidate, Object: "backend/" + cmp.Or(existing, row.ID),
		Details: map[string]string{audit.DetailName: row.Name, "status": row.Status},
	}
}
