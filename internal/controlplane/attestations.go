package controlplane

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/attestation"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// Attestations is what AttestationService needs of a database. Everything is asked for by
// the organization: what another one has is registry.ErrNotFound.
type Attestations interface {
	// FindOrCreateWorkflow returns a workflow as it is, or makes it; registry.ErrNoContract.
	FindOrCreateWorkflow(ctx context.Context, n registry.NewWorkflow) (registry.Workflow, error)
	// Contract returns a revision of a workflow's contract, 0: the latest.
	Contract(ctx context.Context, id org.ID, project, name string, revision int) (registry.Workflow, registry.Contract, error)
	// CreateRun begins a run, Run returns one, and CancelRun ends it without a bundle.
	CreateRun(ctx context.Context, n registry.NewRun) (registry.Workflow, registry.Run, error)
	Run(ctx context.Context, id org.ID, run uuid.UUID) (registry.Run, error)
	CancelRun(ctx context.Context, id org.ID, run uuid.UUID, state registry.RunState, reason string) error
	// StoreAttestation ends a run with a bundle; registry.ErrRunFinished.
	StoreAttestation(ctx context.Context, a registry.Attestation) error
}

// Uploads stores what the control plane itself has to store.
type Uploads interface {
	// Upload returns when content is stored under its digest.
	Upload(ctx context.Context, token string, d digest.Digest, content []byte, fileName, mediaType string) error
}

// bundleMediaType is what the CAS is told of a bundle.
const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// The catalogue has the entry of an artifact a moment after its upload has succeeded, or
// some moments when the database is slow.
const (
	materialsWithin = 2 * time.Second
	materialsEvery  = 50 * time.Millisecond
)

type attestations struct {
	controlplanev1.UnimplementedAttestationServiceServer
	server *Server
}

// Store ends a run with its bundle. It answers when the bundle is in the organization's
// storage, and not before; the same bundle again is answered alike.
func (a attestations) Store(ctx context.Context, req *controlplanev1.AttestationServiceStoreRequest) (*controlplanev1.AttestationServiceStoreResponse, error) {
	o, run, err := a.server.run(ctx, req.GetWorkflowRunId())
	if err != nil {
		return nil, err
	}
	raw := req.GetAttestationBundle()
	d := digest.Of(raw)
	answer := &controlplanev1.AttestationServiceStoreResponse{Result: &controlplanev1.AttestationServiceStoreResponse_Result{Digest: d.String()}}
	switch state := run.StateAt(time.Now()); {
	case state == registry.RunSucceeded && run.Bundle == d:
		return answer, nil
	case state == registry.RunSucceeded:
		return nil, problem.New(problem.Precondition, "the workflow run has another attestation already", "begin another run with attestation init")
	case state != registry.RunInitialized:
		return nil, errEnded(nil, state)
	}
	bundle, err := bundleOf(raw, run)
	if err != nil {
		return nil, err
	}
	if a.server.cfg.Uploads == nil {
		return nil, problem.New(problem.Precondition, "this installation stores no attestations", "its operator has to set controlplane.casUrl")
	}
	if err := a.server.awaitMaterials(ctx, o.ID, bundle.Uploaded); err != nil {
		return nil, err
	}
	if err := a.server.storeBundle(ctx, o, run, d, raw); err != nil {
		return nil, err
	}
	caller, _ := auth.CallerFrom(ctx)
	err = a.server.cfg.Store.StoreAttestation(ctx, registry.Attestation{
		Run: run.ID, Org: o.ID, Digest: d, Size: int64(len(raw)), PredicateType: bundle.PredicateType,
		StoredBy: caller.Subject(), Released: req.GetMarkVersionAsReleased(),
	})
	if err != nil {
		return nil, runProblem(err)
	}
	return answer, nil
}

// bundleOf reads a bundle, which must be for that run if it says for which.
func bundleOf(raw []byte, run registry.Run) (attestation.Bundle, error) {
	bundle, err := attestation.ParseBundle(raw)
	if err != nil {
		return bundle, problem.Wrap(err, problem.Invalid, err.Error(), "push a Sigstore bundle with a signed in-toto statement")
	}
	if bundle.Run != "" && bundle.Run != run.ID.String() {
		return bundle, problem.New(problem.Invalid, "the attestation is for another workflow run", "push it for the run that it names")
	}
	return bundle, nil
}

// storeBundle has the CAS store a bundle, with a token that is good for nothing else.
func (s *Server) storeBundle(ctx context.Context, o org.Organization, run registry.Run, d digest.Digest, raw []byte) error {
	token, _, err := s.casToken(ctx, o, cas.Grant{Org: o.ID, Role: cas.Uploader, Digest: d, MaxBytes: int64(len(raw))})
	if err != nil {
		return err
	}
	return s.cfg.Uploads.Upload(ctx, token, d, raw, "attestation-"+run.ID.String()+".json", bundleMediaType)
}

// awaitMaterials waits a moment for what the client says that it has uploaded, and fails
// when something is missing then.
func (s *Server) awaitMaterials(ctx context.Context, id org.ID, uploaded []digest.Digest) error {
	bounded, cancel := context.WithTimeout(ctx, materialsWithin)
	defer cancel()
	tick := time.NewTicker(materialsEvery)
	defer tick.Stop()
	for missing := uploaded; ; {
		var err error
		if missing, err = s.missing(ctx, id, missing); err != nil || len(missing) == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-bounded.Done():
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			message := fmt.Sprintf("the attestation says that material %s is uploaded, and it is not there", missing[0])
			if n := len(missing) - 1; n > 0 {
				message += fmt.Sprintf("; nor are %d others", n)
			}
			return problem.New(problem.Precondition, message, "upload it, then push again")
		}
	}
}

// missing returns those of the digests that the organization does not have.
func (s *Server) missing(ctx context.Context, id org.ID, digests []digest.Digest) ([]digest.Digest, error) {
	var missing []digest.Digest
	for len(digests) > 0 {
		n := min(len(digests), maxDigests)
		some, err := s.cfg.Store.MissingArtifacts(ctx, id, digests[:n])
		if err != nil {
			return nil, unavailable(err)
		}
		missing, digests = append(missing, some...), digests[n:]
	}
	return missing, nil
}

// Remote policies would come from providers that an installation is set up with. A policy
// that is not there is not found; clients end with what is said here.

// GetPolicy finds none.
func (attestations) GetPolicy(context.Context, *controlplanev1.AttestationServiceGetPolicyRequest) (*controlplanev1.AttestationServiceGetPolicyResponse, error) {
	return nil, errNoProviders("policies")
}

// GetPolicyGroup finds none.
func (attestations) GetPolicyGroup(context.Context, *controlplanev1.AttestationServiceGetPolicyGroupRequest) (*controlplanev1.AttestationServiceGetPolicyGroupResponse, error) {
	return nil, errNoProviders("policy groups")
}

func errNoProviders(what string) error {
	return problem.New(problem.NotFound, "this installation has no providers of "+what, "have the contract name files or URLs")
}
