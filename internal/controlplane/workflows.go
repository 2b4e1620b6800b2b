package controlplane

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/attestation"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// FindOrCreateWorkflow returns a workflow as it is, or makes it. A contract that comes with
// the call is for one that is made: clients promise that it changes no other.
func (a attestations) FindOrCreateWorkflow(ctx context.Context, req *controlplanev1.FindOrCreateWorkflowRequest) (*controlplanev1.FindOrCreateWorkflowResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	if err := namesWorkflow(req.GetProjectName(), req.GetWorkflowName()); err != nil {
		return nil, err
	}
	contract, err := contractFor(req)
	if err != nil {
		return nil, err
	}
	w, err := a.server.cfg.Store.FindOrCreateWorkflow(ctx, registry.NewWorkflow{
		Org: o.ID, Project: req.GetProjectName(), Name: req.GetWorkflowName(), Contract: contract,
	})
	if err != nil {
		return nil, attestationProblem(err)
	}
	return &controlplanev1.FindOrCreateWorkflowResponse{Result: workflowItem(w)}, nil
}

// GetContract returns a workflow and a revision of its contract.
func (a attestations) GetContract(ctx context.Context, req *controlplanev1.AttestationServiceGetContractRequest) (*controlplanev1.AttestationServiceGetContractResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	if err := namesWorkflow(req.GetProjectName(), req.GetWorkflowName()); err != nil {
		return nil, err
	}
	if err := namesRevision(req.GetContractRevision()); err != nil {
		return nil, err
	}
	w, c, err := a.server.cfg.Store.Contract(ctx, o.ID, req.GetProjectName(), req.GetWorkflowName(), int(req.GetContractRevision()))
	if err != nil {
		return nil, attestationProblem(err)
	}
	return &controlplanev1.AttestationServiceGetContractResponse{Result: &controlplanev1.AttestationServiceGetContractResponse_Result{
		Workflow: workflowItem(w), Contract: contractItem(c),
	}}, nil
}

// contractFor says which contract a workflow gets that is made: a document that the client
// sends, one that is there, or one that asks for nothing.
func contractFor(req *controlplanev1.FindOrCreateWorkflowRequest) (registry.NewContract, error) {
	name := req.GetContractName()
	if name != "" && !attestation.ValidName(name) {
		return registry.NewContract{}, problem.New(problem.Invalid, "that is not a name for a contract", attestation.NameRule)
	}
	raw := req.GetContractBytes()
	if len(raw) == 0 {
		if name != "" {
			return registry.NewContract{Name: name}, nil
		}
		name = defaultContract(req.GetProjectName(), req.GetWorkflowName())
		return registry.NewContract{Name: name, Format: registry.ContractJSON, Body: attestation.EmptyContract(name)}, nil
	}
	parsed, err := attestation.ParseContract(raw)
	if errors.Is(err, attestation.ErrContractTooLarge) {
		return registry.NewContract{}, problem.Wrap(err, problem.TooLarge, "the contract is too large", fmt.Sprintf("it may have %d bytes", attestation.MaxContractBytes))
	}
	if err != nil {
		return registry.NewContract{}, problem.Wrap(err, problem.Invalid, err.Error(), "send JSON or YAML with apiVersion chainloop.dev/v1, kind Contract, metadata.name and spec")
	}
	if name == "" {
		name = parsed.Name
	}
	contract := registry.NewContract{Name: name, Format: registry.ContractYAML, Body: string(raw)}
	if parsed.JSON {
		contract.Format = registry.ContractJSON
	}
	return contract, nil
}

// defaultContract names the contract of a workflow that came with none. No two workflows
// have the same, whatever hyphens their names have.
func defaultContract(project, workflow string) string {
	sum := sha256.Sum256([]byte(project + "/" + workflow))
	name := project + "-" + workflow
	return name[:min(len(name), 54)] + "-" + hex.EncodeToString(sum[:4])
}

func namesWorkflow(project, workflow string) error {
	switch {
	case !attestation.ValidName(project):
		return problem.New(problem.Invalid, "that is not a name for a project", attestation.NameRule)
	case !attestation.ValidName(workflow):
		return problem.New(problem.Invalid, "that is not a name for a workflow", attestation.NameRule)
	}
	return nil
}

func namesRevision(revision int32) error {
	if revision < 0 {
		return problem.New(problem.Invalid, "the revision of the contract is negative", "leave it out for the latest")
	}
	return nil
}

// attestationProblem says which of the things that an attestation needs there is not.
func attestationProblem(err error) error {
	for _, of := range []struct {
		is            error
		kind          problem.Kind
		message, hint string
	}{
		{registry.ErrNoWorkflow, problem.NotFound, "there is no such workflow in the project", "attestation init makes it"},
		{registry.ErrNoContract, problem.NotFound, "there is no contract of that name", "send its document with --contract FILE"},
		{registry.ErrNoRevision, problem.NotFound, "the contract has no such revision", "leave the revision out for the latest"},
		{registry.ErrNoVersion, problem.NotFound, "the project has no such version", "begin one with attestation init --version"},
	} {
		if errors.Is(err, of.is) {
			return problem.Wrap(err, of.kind, of.message, of.hint)
		}
	}
	return unavailable(err)
}
