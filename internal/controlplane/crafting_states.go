package controlplane

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	attestationv1 "github.com/managedcas/managedcas/proto/attestation/v1"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// CraftingStates is what AttestationStateService needs of a database.
type CraftingStates interface {
	// SaveCraftingState keeps a state in place of the one with the base digest, zero: of
	// any; registry.ErrStateChanged, ErrRunFinished, ErrTooMany.
	SaveCraftingState(ctx context.Context, id org.ID, run uuid.UUID, base digest.Digest, state registry.CraftingState) error
	CraftingState(ctx context.Context, id org.ID, run uuid.UUID) (registry.CraftingState, error)
	DeleteCraftingState(ctx context.Context, id org.ID, run uuid.UUID) error
}

// reasonStateConflict has the stock client read the state again and repeat what it did
// (facts WIRE §7.1).
const reasonStateConflict = "ATTESTATION_STATE_ERROR_CONFLICT"

// maxStateBytes bounds a state: what it embeds of materials is what a client with storage
// does not embed.
const maxStateBytes = 1 << 20

type craftingStates struct {
	controlplanev1.UnimplementedAttestationStateServiceServer
	server *Server
}

// Initialized reports whether there is a state.
func (c craftingStates) Initialized(ctx context.Context, req *controlplanev1.AttestationStateServiceInitializedRequest) (*controlplanev1.AttestationStateServiceInitializedResponse, error) {
	o, run, err := c.server.run(ctx, req.GetWorkflowRunId())
	if err != nil {
		return nil, err
	}
	_, err = c.server.cfg.Store.CraftingState(ctx, o.ID, run.ID)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return nil, unavailable(err)
	}
	return &controlplanev1.AttestationStateServiceInitializedResponse{
		Result: &controlplanev1.AttestationStateServiceInitializedResponse_Result{Initialized: err == nil},
	}, nil
}

// Save keeps a state in place of the one that the client has seen.
func (c craftingStates) Save(ctx context.Context, req *controlplanev1.AttestationStateServiceSaveRequest) (*controlplanev1.AttestationStateServiceSaveResponse, error) {
	o, run, err := c.server.openRun(ctx, req.GetWorkflowRunId())
	if err != nil {
		return nil, err
	}
	if req.GetAttestationState() == nil {
		return nil, problem.New(problem.Invalid, "the call has no state", "send one")
	}
	var base digest.Digest
	if text := req.GetBaseDigest(); text != "" {
		if base, err = digest.Parse(text); err != nil {
			return nil, problem.Wrap(err, problem.Invalid, "that is not the digest of a state", "use the one that came with it")
		}
		if base.IsZero() {
			return nil, errStateChanged(nil)
		}
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(req.GetAttestationState())
	if err != nil {
		return nil, fmt.Errorf("save attestation state: %w", err)
	}
	if len(body) > maxStateBytes {
		return nil, problem.New(problem.TooLarge, "the state of the attestation is too large", fmt.Sprintf("it may have %d bytes: keep it in a file, without --remote-state", maxStateBytes))
	}
	state := registry.CraftingState{Body: body, Digest: digest.Of(body)}
	if err := c.server.cfg.Store.SaveCraftingState(ctx, o.ID, run.ID, base, state); err != nil {
		if errors.Is(err, registry.ErrStateChanged) {
			return nil, errStateChanged(err)
		}
		return nil, runProblem(err)
	}
	return &controlplanev1.AttestationStateServiceSaveResponse{Digest: state.Digest.String()}, nil
}

// Read returns the state, and the digest to replace it by.
func (c craftingStates) Read(ctx context.Context, req *controlplanev1.AttestationStateServiceReadRequest) (*controlplanev1.AttestationStateServiceReadResponse, error) {
	o, run, err := c.server.run(ctx, req.GetWorkflowRunId())
	if err != nil {
		return nil, err
	}
	kept, err := c.server.cfg.Store.CraftingState(ctx, o.ID, run.ID)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, problem.Wrap(err, problem.NotFound, "the workflow run has no state here", "begin one with attestation init --remote-state")
	}
	if err != nil {
		return nil, unavailable(err)
	}
	state := &attestationv1.CraftingState{}
	if err := proto.Unmarshal(kept.Body, state); err != nil {
		return nil, fmt.Errorf("read attestation state: %w", err)
	}
	return &controlplanev1.AttestationStateServiceReadResponse{Result: &controlplanev1.AttestationStateServiceReadResponse_Result{
		AttestationState: state, Digest: kept.Digest.String(),
	}}, nil
}

// Reset forgets the state. That there is none is no error.
func (c craftingStates) Reset(ctx context.Context, req *controlplanev1.AttestationStateServiceResetRequest) (*controlplanev1.AttestationStateServiceResetResponse, error) {
	o, run, err := c.server.run(ctx, req.GetWorkflowRunId())
	if err != nil {
		return nil, err
	}
	if err := c.server.cfg.Store.DeleteCraftingState(ctx, o.ID, run.ID); err != nil {
		return nil, unavailable(err)
	}
	return &controlplanev1.AttestationStateServiceResetResponse{}, nil
}

func errStateChanged(cause error) error {
	return problem.Wrap(cause, problem.Conflict, "the state of the attestation has changed meanwhile", "read it again").WithReason(reasonStateConflict)
}
