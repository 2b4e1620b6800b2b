package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type workflowRow struct {
	bun.BaseModel `bun:"table:workflows"`

	ID         string `bun:",pk"`
	OrgID      string
	Project    string
	Name       string
	ContractID string
	CreatedAt  time.Time
}

func (r workflowRow) workflow(contract contractRow, latest int) (registry.Workflow, error) {
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return registry.Workflow{}, fmt.Errorf("read workflow row: %w", err)
	}
	owner, err := org.ParseID(r.OrgID)
	if err != nil {
		return registry.Workflow{}, fmt.Errorf("read workflow row: %w", err)
	}
	return registry.Workflow{
		ID: id, Org: owner, Project: r.Project, Name: r.Name,
		Contract: contract.Name, Revision: latest, CreatedAt: r.CreatedAt.UTC(),
	}, nil
}

// FindOrCreateWorkflow returns the workflow of that project and name, as it is; or makes
// it, with its contract. registry.ErrNoContract when that is to be there and is not,
// registry.ErrTooMany when the organization has registry.MaxWorkflows.
func (db *DB) FindOrCreateWorkflow(ctx context.Context, n registry.NewWorkflow) (registry.Workflow, error) {
	var found registry.Workflow
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		workflow, contract, revision, err := workflowIn(ctx, tx, n.Org, n.Project, n.Name, 0)
		if errors.Is(err, registry.ErrNoWorkflow) {
			workflow, contract, revision, err = addWorkflow(ctx, tx, n)
		}
		if err != nil {
			return err
		}
		found, err = workflow.workflow(contract, revision.Revision)
		return err
	})
	if err != nil {
		return registry.Workflow{}, fmt.Errorf("find or create workflow %s/%s of %s: %w", n.Project, n.Name, n.Org, classify(err))
	}
	return found, nil
}

func addWorkflow(ctx context.Context, tx bun.Tx, n registry.NewWorkflow) (workflow workflowRow, contract contractRow, latest contractRevisionRow, err error) {
	held, err := tx.NewSelect().Model((*workflowRow)(nil)).Where("org_id = ?", n.Org.String()).Count(ctx)
	if err != nil {
		return workflow, contract, latest, err
	}
	if held >= registry.MaxWorkflows {
		return workflow, contract, latest, fmt.Errorf("%w: %d workflows", registry.ErrTooMany, held)
	}
	now := instant(time.Now())
	if contract, err = contractIn(ctx, tx, n.Org, n.Contract, now); err != nil {
		return workflow, contract, latest, err
	}
	workflow = workflowRow{
		ID: uuid.NewString(), OrgID: n.Org.String(), Project: n.Project, Name: n.Name, ContractID: contract.ID, CreatedAt: now,
	}
	if _, err = tx.NewInsert().Model(&workflow).Exec(ctx); err != nil {
		return workflow, contract, latest, err
	}
	err = auditIn(ctx, tx, n.Org, audit.Event{
		Action: audit.WorkflowCreate, Object: "workflow/" + workflow.ID,
		Details: map[string]string{audit.DetailName: n.Project + "/" + n.Name, "contract": contract.Name},
	})
	if err != nil {
		return workflow, contract, latest, err
	}
	latest, err = revisionIn(ctx, tx, contract, 0)
	return workflow, contract, latest, err
}

// workflowIn reads a workflow of an organization, its contract, and a revision of that
// (0: the latest); registry.ErrNoWorkflow or ErrNoRevision.
func workflowIn(ctx context.Context, in bun.IDB, id org.ID, project, name string, revision int) (workflow workflowRow, contract contractRow, body contractRevisionRow, err error) {
	err = in.NewSelect().Model(&workflow).Where("org_id = ? AND project = ? AND name = ?", id.String(), project, name).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		err = registry.ErrNoWorkflow
	}
	if err != nil {
		return workflow, contract, body, err
	}
	if err = in.NewSelect().Model(&contract).Where("org_id = ? AND id = ?", id.String(), workflow.ContractID).Scan(ctx); err != nil {
		return workflow, contract, body, err
	}
	body, err = revisionIn(ctx, in, contract, revision)
	return workflow, contract, body, err
}
