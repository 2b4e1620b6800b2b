package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type projectVersionRow struct {
	bun.BaseModel `bun:"table:project_versions"`

	ID         string `bun:",pk"`
	OrgID      string
	Project    string
	Name       string
	Latest     bool
	CreatedAt  time.Time
	ReleasedAt time.Time `bun:",nullzero"`
}

func (r projectVersionRow) version() (*registry.ProjectVersion, error) {
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return nil, fmt.Errorf("read project version row: %w", err)
	}
	return &registry.ProjectVersion{ID: id, Name: r.Name, Latest: r.Latest, CreatedAt: r.CreatedAt.UTC(), ReleasedAt: r.ReleasedAt.UTC()}, nil
}

// versionIn finds or adds the version that a run is of; nil: of none.
func versionIn(ctx context.Context, tx bun.Tx, id org.ID, project string, choice registry.VersionChoice, now time.Time) (*projectVersionRow, error) {
	if choice.Name == "" && !choice.Latest {
		return nil, nil
	}
	row := &projectVersionRow{}
	query := tx.NewSelect().Model(row).Where("org_id = ? AND project = ?", id.String(), project)
	if choice.Latest {
		query = query.Where("latest")
	} else {
		query = query.Where("name = ?", choice.Name)
	}
	err := query.Scan(ctx)
	switch {
	case errors.Is(err, sql.ErrNoRows) && (choice.MustExist || choice.Latest):
		return nil, registry.ErrNoVersion
	case errors.Is(err, sql.ErrNoRows):
		row = &projectVersionRow{ID: uuid.NewString(), OrgID: id.String(), Project: project, Name: choice.Name, Latest: !choice.NotLatest, CreatedAt: now}
		if err := noLatest(ctx, tx, *row); err != nil {
			return nil, err
		}
		_, err = tx.NewInsert().Model(row).Exec(ctx)
		return row, err
	case err != nil:
		return nil, err
	}
	if choice.MakeLatest && !row.Latest {
		row.Latest = true
		if err := noLatest(ctx, tx, *row); err != nil {
			return nil, err
		}
		_, err = tx.NewUpdate().Model(row).WherePK().Column("latest").Exec(ctx)
	}
	return row, err
}

// noLatest takes the mark from the version that has it, if next is to have it.
func noLatest(ctx context.Context, tx bun.Tx, next projectVersionRow) error {
	if !next.Latest {
		return nil
	}
	_, err := tx.NewUpdate().Model((*projectVersionRow)(nil)).Set("latest = ?", false).
		Where("org_id = ? AND project = ? AND latest", next.OrgID, next.Project).Exec(ctx)
	return err
}
