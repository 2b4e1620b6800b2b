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
	"github.com/managedcas/managedcas/internal/tenancy"
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

	Provider        string // registry.ProviderS3; of a managed one all of these are empty
	Location        string
	Region          string
	RoleARN         string `bun:"role_arn"`
	ExternalID      string `bun:"external_id"`
	Description     string
	ValidationError string
	Fallback        bool
	CheckAt         time.Time `bun:",nullzero"`
}

func rowOfBackend(b registry.Backend) backendRow {
	row := backendRow{
		ID: b.ID.String(), OrgID: b.Org.String(), Name: b.Name,
		Managed: b.Managed, IsDefault: b.Default, Status: string(b.Status), MaxBytes: b.MaxBytes,
		CreatedAt: instant(b.CreatedAt), UpdatedAt: instant(b.UpdatedAt), ValidatedAt: instant(b.ValidatedAt),
		Location: b.Bucket.Name, Region: b.Bucket.Region, RoleARN: b.Bucket.RoleARN, ExternalID: b.Bucket.ExternalID,
		Description: b.Description, ValidationError: b.ValidationError, Fallback: b.Fallback, CheckAt: instant(b.CheckAt),
	}
	if !b.Managed {
		row.Provider = registry.ProviderS3
	}
	return row
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
		Bucket:      tenancy.OwnBucket{Name: r.Location, Region: r.Region, RoleARN: r.RoleARN, ExternalID: r.ExternalID},
		Description: r.Description, ValidationError: r.ValidationError, Fallback: r.Fallback, CheckAt: r.CheckAt.UTC(),
	}, nil
}

// Backends returns an organization's storage backends in the order of their names.
// An organization that does not exist has none.
func (db *DB) Backends(ctx context.Context, id org.ID) ([]registry.Backend, error) {
	var rows []backendRow
	if err := db.read.NewSelect().Model(&rows).Where("org_id = ?", id.String()).Order("name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list storage backends of %s: %w", id, classify(err))
	}
	return backendsOf(rows)
}

func backendsOf(rows []backendRow) ([]registry.Backend, error) {
	return recordsOf(rows, backendRow.backend)
}

// Backend returns one of an organization's storage backends: registry.ErrNotFound when
// there is none with the id, or it is another organization's.
func (db *DB) Backend(ctx context.Context, owner org.ID, id uuid.UUID) (registry.Backend, error) {
	var row backendRow
	if err := db.read.NewSelect().Model(&row).Where("id = ? AND org_id = ?", id.String(), owner.String()).Scan(ctx); err != nil {
		return registry.Backend{}, fmt.Errorf("read storage backend %s of %s: %w", id, owner, classify(err))
	}
	return row.backend()
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
		lacking, err := lacksDefault(ctx, tx, id)
		if err != nil {
			return err
		}
		fresh := registry.NewManagedBackend(id, now)
		fresh.Status, fresh.ValidatedAt, fresh.Default = registry.BackendValid, now, lacking
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

func lacksDefault(ctx context.Context, tx bun.Tx, id org.ID) (bool, error) {
	has, err := tx.NewSelect().Model((*backendRow)(nil)).Where("org_id = ? AND is_default", id.String()).Exists(ctx)
	return !has, err
}
