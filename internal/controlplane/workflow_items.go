package controlplane

import (
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	workflowcontractv1 "github.com/managedcas/managedcas/proto/workflowcontract/v1"
)

// workflowItem shows a workflow. What a push is refused without is always set (facts WIRE
// §6.3).
func workflowItem(w registry.Workflow) *controlplanev1.WorkflowItem {
	return &controlplanev1.WorkflowItem{
		Id: w.ID.String(), Name: w.Name, Project: w.Project, CreatedAt: timestamp(w.CreatedAt),
		ContractName: w.Contract, ContractRevisionLatest: int32(w.Revision), ProjectId: projectID(w),
	}
}

// projectID is derived: a project is the workflows that name it.
func projectID(w registry.Workflow) string {
	owner := uuid.NewSHA1(uuid.NameSpaceOID, []byte(w.Org.String()))
	return uuid.NewSHA1(owner, []byte(w.Project)).String()
}

func contractItem(c registry.Contract) *controlplanev1.WorkflowContractVersionItem {
	format := controlplanev1.WorkflowContractVersionItem_RawBody_FORMAT_JSON
	if c.Format == registry.ContractYAML {
		format = controlplanev1.WorkflowContractVersionItem_RawBody_FORMAT_YAML
	}
	return &controlplanev1.WorkflowContractVersionItem{
		Id: c.ID.String(), Revision: int32(c.Revision), CreatedAt: timestamp(c.CreatedAt), ContractName: c.Name,
		RawContract: &controlplanev1.WorkflowContractVersionItem_RawBody{Body: []byte(c.Body), Format: format},
	}
}

var runStatuses = map[registry.RunState]controlplanev1.RunStatus{
	registry.RunInitialized: controlplanev1.RunStatus_RUN_STATUS_INITIALIZED,
	registry.RunSucceeded:   controlplanev1.RunStatus_RUN_STATUS_SUCCEEDED,
	registry.RunFailed:      controlplanev1.RunStatus_RUN_STATUS_FAILED,
	registry.RunCancelled:   controlplanev1.RunStatus_RUN_STATUS_CANCELLED,
	registry.RunExpired:     controlplanev1.RunStatus_RUN_STATUS_EXPIRED,
}

func runItem(w registry.Workflow, r registry.Run) *controlplanev1.WorkflowRunItem {
	state := r.StateAt(time.Now())
	return &controlplanev1.WorkflowRunItem{
		Id: r.ID.String(), CreatedAt: timestamp(r.CreatedAt), FinishedAt: timestamp(r.FinishedAt),
		State: string(state), Status: runStatuses[state], Reason: r.Reason,
		Workflow: workflowItem(w), JobUrl: r.JobURL, RunnerType: workflowcontractv1.CraftingSchema_Runner_RunnerType(r.Runner),
		ContractRevisionUsed: int32(r.Revision), ContractRevisionLatest: int32(w.Revision), Version: versionItem(r.Version),
	}
}

func versionItem(v *registry.ProjectVersion) *controlplanev1.ProjectVersion {
	if v == nil {
		return nil
	}
	return &controlplanev1.ProjectVersion{
		Id: v.ID.String(), Version: v.Name, Prerelease: v.ReleasedAt.IsZero(),
		CreatedAt: timestamp(v.CreatedAt), ReleasedAt: timestamp(v.ReleasedAt), Latest: v.Latest,
	}
}
