package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type contractRow struct {
	bun.BaseModel `bun:"table:contracts"`

	ID        string `bun:",pk"`
	OrgID     string
	Name      string
	CreatedAt time.Time
}

type contractRevisionRow struct {
	bun.BaseModel `bun:"table:contract_revisions"`

	ID         string `bun:",pk"`
	OrgID      string
	ContractID string
	Revision   int
	Format     string
	Body       string
	CreatedAt  time.Time
}

// contractIn returns the contract that a new workflow is to have: one that is there, or
// one that is added, as its first revision or as another one.
func contractIn(ctx context.Context, tx bun.Tx, id org.ID, n registry.NewContract, now time.Time) (contractRow, error) {
	var row contractRow
	err := tx.NewSelect().Model(&row).Where("org_id = ? AND name = ?", id.String(), n.Name).Scan(ctx)
	switch {
	case errors.Is(err, sql.ErrNoRows) && n.Body == "":
		return row, registry.ErrNoContract
	case errors.Is(err, sql.ErrNoRows):
		row = contractRow{ID: uuid.NewString(), OrgID: id.String(), Name: n.Name, CreatedAt: now}
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return row, err
		}
		return row, addRevision(ctx, tx, id, row, 1, n, now)
	case err != nil:
		return row, err
	case n.Body == "":
		return row, nil
	}
	latest, err := revisionIn(ctx, tx, row, 0)
	if err != nil || latest.Body == n.Body {
		return row, err
	}
	return row, addRevision(ctx, tx, id, row, latest.Revision+1, n, now)
}

func addRevision(ctx context.Context, tx bun.Tx, id org.ID, contract contractRow, revision int, n registry.NewContract, now time.Time) error {
	row := contractRevisionRow{
		ID: uuid.NewString(), OrgID: contract.OrgID, ContractID: contract.ID,
		Revision: revision, Format: string(n.Format), Body: n.Body, CreatedAt: now,
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return err
	}
	return auditIn(ctx, tx, id, audit.Event{
		Action: audit.ContractCreate, Object: "contract/" + contract.ID,
		Details: map[string]string{audit.DetailName: contract.Name, "revision": strconv.Itoa(revision)},
	})
}

// revisionIn reads a revision of a contract; 0: the latest.
func revisionIn(ctx context.Context, in bun.IDB, contract contractRow, revision int) (contractRevisionRow, error) {
	var row contractRevisionRow
	query := in.NewSelect().Model(&row).Where("org_id = ? AND contract_id = ?", contract.OrgID, contract.ID)
	if revision == 0 {
		query = query.Order("revision DESC").Limit(1)
	} else {
		query = query.Where("revision = ?", revision)
	}
	err := query.Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		err = registry.ErrNoRevision
	}
	return row, err
}

// Contract returns a revision of a workflow's contract, 0: the latest; and the workflow.
func (db *DB) Contract(ctx context.Context, id org.ID, project, name string, revision int) (registry.Workflow, registry.Contract, error) {
	workflow, contract, row, err := workflowIn(ctx, db.read, id, project, name, revision)
	if err != nil {
		return registry.Workflow{}, registry.Contract{}, fmt.Errorf("read contract of workflow %s/%s of %s: %w", project, name, id, classify(err))
	}
	latest := row
	if revision != 0 {
		if latest, err = revisionIn(ctx, db.read, contract, 0); err != nil {
			return registry.Workflow{}, registry.Contract{}, fmt.Errorf("read contract %s of %s: %w", contract.Name, id, classify(err))
		}
	}
	w, err := workflow.workflow(contract, latest.Revision)
	if err != nil {
		return registry.Workflow{}, registry.Contract{}, err
	}
	c, err := row.contract(contract)
	return w, c, err
}

func (r contractRevisionRow) contract(of contractRow) (registry.Contract, error) {
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return registry.Contract{}, fmt.Errorf("read contract row: %w", err)
	}
	return registry.Contract{
		ID: id, Name: of.Name, Revision: r.Revision, Format: registry.ContractFormat(r.Format), Body: r.Body, CreatedAt: r.CreatedAt.UTC(),
	}, nil
}
