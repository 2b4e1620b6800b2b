package database

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

type runRow struct {
	bun.BaseModel `bun:"table:workflow_runs"`

	ID               string `bun:",pk"`
	OrgID            string
	WorkflowID       string
	ContractRevision int
	VersionID        string `bun:",nullzero"`
	JobURL           string
	Runner           int32
	State            string
	Reason           string
	CreatedAt        time.Time
	ExpiresAt        time.Time
	FinishedAt       time.Time `bun:",nullzero"`
}

func (r runRow) run() (registry.Run, error) {
	run := registry.Run{
		Revision: r.ContractRevision, JobURL: r.JobURL, Runner: r.Runner, State: registry.RunState(r.State), Reason: r.Reason,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), FinishedAt: r.FinishedAt.UTC(),
	}
	var err error
	if run.ID, err = uuid.Parse(r.ID); err == nil {
		if run.Workflow, err = uuid.Parse(r.WorkflowID); err == nil {
			run.Org, err = org.ParseID(r.OrgID)
		}
	}
	if err != nil {
		return registry.Run{}, fmt.Errorf("read run row: %w", err)
	}
	return run, nil
}

// CreateRun begins a run of a workflow. registry.ErrNoWorkflow, ErrNoRevision or
// ErrNoVersion say what there is not.
func (db *DB) CreateRun(ctx context.Context, n registry.NewRun) (registry.Workflow, registry.Run, error) {
	var (
		workflow registry.Workflow
		run      registry.Run
	)
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		of, contract, revision, err := workflowIn(ctx, tx, n.Org, n.Project, n.Name, n.Revision)
		if err != nil {
			return err
		}
		latest, err := revisionIn(ctx, tx, contract, 0)
		if err != nil {
			return err
		}
		now, err := clockIn(ctx, tx)
		if err != nil {
			return err
		}
		version, err := versionIn(ctx, tx, n.Org, n.Project, n.Version, now)
		if err != nil {
			return err
		}
		row := runRow{
			ID: uuid.NewString(), OrgID: of.OrgID, WorkflowID: of.ID, ContractRevision: revision.Revision,
			JobURL: n.JobURL, Runner: n.Runner, State: string(registry.RunInitialized),
			CreatedAt: now, ExpiresAt: instant(now.Add(n.Lifetime)),
		}
		if version != nil {
			row.VersionID = version.ID
		}
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return err
		}
		details := map[string]string{"workflow": n.Project + "/" + n.Name}
		if version != nil {
			details["version"] = version.Name
		}
		if err := auditIn(ctx, tx, n.Org, audit.Event{Action: audit.RunCreate, Object: "run/" + row.ID, Details: details}); err != nil {
			return err
		}
		if run, err = row.run(); err != nil {
			return err
		}
		if version != nil {
			if run.Version, err = version.version(); err != nil {
				return err
			}
		}
		workflow, err = of.workflow(contract, latest.Revision)
		return err
	})
	if err != nil {
		return registry.Workflow{}, registry.Run{}, fmt.Errorf("begin run of workflow %s/%s of %s: %w", n.Project, n.Name, n.Org, classify(err))
	}
	return workflow, run, nil
}

// Run returns a run of an organization, or registry.ErrNotFound.
func (db *DB) Run(ctx context.Context, id org.ID, run uuid.UUID) (registry.Run, error) {
	found, err := runIn(ctx, db.read, id, run)
	if err != nil {
		return registry.Run{}, fmt.Errorf("read run %s of %s: %w", run, id, classify(err))
	}
	return found, nil
}

func runIn(ctx context.Context, in bun.IDB, id org.ID, run uuid.UUID) (registry.Run, error) {
	var row runRow
	if err := in.NewSelect().Model(&row).Where("org_id = ? AND id = ?", id.String(), run.String()).Scan(ctx); err != nil {
		return registry.Run{}, err
	}
	found, err := row.run()
	if err != nil || found.State != registry.RunSucceeded {
		return found, err
	}
	var stored attestationRow
	if err := in.NewSelect().Model(&stored).Where("org_id = ? AND run_id = ?", id.String(), run.String()).Scan(ctx); err != nil {
		return registry.Run{}, err
	}
	found.Bundle, err = digest.Parse(stored.Digest)
	return found, err
}

// openRunIn returns a run that may go on to another state, and the time; or
// registry.ErrRunFinished with the run as it is.
func openRunIn(ctx context.Context, tx bun.Tx, id org.ID, run uuid.UUID) (registry.Run, time.Time, error) {
	found, err := runIn(ctx, tx, id, run)
	if err != nil {
		return registry.Run{}, time.Time{}, err
	}
	now, err := clockIn(ctx, tx)
	if err != nil {
		return registry.Run{}, time.Time{}, err
	}
	if s := found.StateAt(now); s != registry.RunInitialized {
		return found, now, fmt.Errorf("%w: it is %s", registry.ErrRunFinished, s)
	}
	return found, now, nil
}

// CancelRun ends a run without a bundle: cancelled or failed, with a reason. What has ended
// so already stays as it is; registry.ErrRunFinished when it succeeded or has expired.
func (db *DB) CancelRun(ctx context.Context, id org.ID, run uuid.UUID, state registry.RunState, reason string) error {
	err := db.write.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		found, now, err := openRunIn(ctx, tx, id, run)
		if err != nil {
			if found.State == registry.RunCancelled || found.State == registry.RunFailed {
				return nil
			}
			return err
		}
		return endRun(ctx, tx, found, state, reason, now, nil)
	})
	if err != nil {
		return fmt.Errorf("cancel run %s of %s: %w", run, id, classify(err))
	}
	return nil
}

// endRun moves a run to its last state, and records that with details. What its client kept
// here is of no use any more.
func endRun(ctx context.Context, tx bun.Tx, run registry.Run, state registry.RunState, reason string, now time.Time, details map[string]string) error {
	result, err := tx.NewUpdate().Model((*runRow)(nil)).
		Set("state = ?", string(state)).Set("reason = ?", reason).Set("finished_at = ?", now).
		Where("org_id = ? AND id = ? AND state = ?", run.Org.String(), run.ID.String(), string(registry.RunInitialized)).Exec(ctx)
	if err := affected(result, err); err != nil {
		return err
	}
	_, err = tx.NewDelete().Model((*craftingStateRow)(nil)).Where("org_id = ? AND run_id = ?", run.Org.String(), run.ID.String()).Exec(ctx)
	if err != nil {
		return err
	}
	// Not the reason, which is whatever a client says.
	all := map[string]string{"state": string(state)}
	maps.Copy(all, details)
	return auditIn(ctx, tx, run.Org, audit.Event{Action: audit.RunFinish, Object: "run/" + run.ID.String(), Details: all})
}
