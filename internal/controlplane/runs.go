package controlplane

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
	workflowcontractv1 "github.com/managedcas/managedcas/proto/workflowcontract/v1"
)

// RunLifetime is how long a run may take from its beginning to its bundle: the longest
// pipelines take hours, with somebody's approval in between a day.
const RunLifetime = 24 * time.Hour

// The longest texts that a run keeps, in bytes.
const (
	maxVersionBytes = 128
	maxJobURLBytes  = 2048
	maxReasonBytes  = 1024
)

// Init begins a run. Clients repeat it when they do not know what became of it: the run that
// nobody knows of expires.
func (a attestations) Init(ctx context.Context, req *controlplanev1.AttestationServiceInitRequest) (*controlplanev1.AttestationServiceInitResponse, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkInit(req); err != nil {
		return nil, err
	}
	if _, err := a.server.usableBackend(ctx, o, cas.Grant{Role: cas.Uploader}); err != nil {
		return nil, err
	}
	w, run, err := a.server.cfg.Store.CreateRun(ctx, registry.NewRun{
		Org: o.ID, Project: req.GetProjectName(), Name: req.GetWorkflowName(), Revision: int(req.GetContractRevision()),
		JobURL: req.GetJobUrl(), Runner: int32(req.GetRunner()), Lifetime: RunLifetime,
		Version: registry.VersionChoice{
			Name: req.GetProjectVersion(), MustExist: req.GetRequireExistingVersion(), Latest: req.GetUseLatestVersion(),
			NotLatest: req.MarkAsLatest != nil && !req.GetMarkAsLatest(), MakeLatest: req.GetMarkAsLatest(),
		},
	})
	if err != nil {
		return nil, attestationProblem(err)
	}
	return &controlplanev1.AttestationServiceInitResponse{Result: &controlplanev1.AttestationServiceInitResponse_Result{
		WorkflowRun: runItem(w, run), Organization: string(o.Name),
		SigningOptions: &controlplanev1.AttestationServiceInitResponse_SigningOptions{},
	}}, nil
}

func checkInit(req *controlplanev1.AttestationServiceInitRequest) error {
	if err := namesWorkflow(req.GetProjectName(), req.GetWorkflowName()); err != nil {
		return err
	}
	if err := namesRevision(req.GetContractRevision()); err != nil {
		return err
	}
	version := req.GetProjectVersion()
	_, knownRunner := workflowcontractv1.CraftingSchema_Runner_RunnerType_name[int32(req.GetRunner())]
	switch {
	case version != "" && req.GetUseLatestVersion():
		return problem.New(problem.Invalid, "the call names a version and asks for the latest one", "leave one out")
	case version == "" && req.GetRequireExistingVersion() && !req.GetUseLatestVersion():
		return problem.New(problem.Invalid, "the call names no version, and asks that it exists", "name one with --version")
	case !printable(version, maxVersionBytes):
		return problem.New(problem.Invalid, "that is not a version", fmt.Sprintf("use at most %d bytes that can be printed", maxVersionBytes))
	case !printable(req.GetJobUrl(), maxJobURLBytes):
		return problem.New(problem.Invalid, "that is not the URL of a job", fmt.Sprintf("use at most %d bytes that can be printed", maxJobURLBytes))
	case !knownRunner:
		return problem.New(problem.Invalid, "the runner is of an unknown type", "leave it out")
	}
	return nil
}

// GetUploadCreds issues a CAS token for the materials of a run that has not ended.
func (a attestations) GetUploadCreds(ctx context.Context, req *controlplanev1.AttestationServiceGetUploadCredsRequest) (*controlplanev1.AttestationServiceGetUploadCredsResponse, error) {
	o, _, err := a.server.openRun(ctx, req.GetWorkflowRunId())
	if err != nil {
		return nil, err
	}
	text, backend, err := a.server.casToken(ctx, o, cas.Grant{Org: o.ID, Role: cas.Uploader})
	if err != nil {
		return nil, err
	}
	return &controlplanev1.AttestationServiceGetUploadCredsResponse{Result: &controlplanev1.AttestationServiceGetUploadCredsResponse_Result{
		Token: text, Backend: a.server.backendItem(o, backend),
	}}, nil
}

// Cancel ends a run without a bundle.
func (a attestations) Cancel(ctx context.Context, req *controlplanev1.AttestationServiceCancelRequest) (*controlplanev1.AttestationServiceCancelResponse, error) {
	o, run, err := a.server.run(ctx, req.GetWorkflowRunId())
	if err != nil {
		return nil, err
	}
	var state registry.RunState
	switch req.GetTrigger() {
	case controlplanev1.AttestationServiceCancelRequest_TRIGGER_TYPE_FAILURE:
		state = registry.RunFailed
	case controlplanev1.AttestationServiceCancelRequest_TRIGGER_TYPE_CANCELLATION:
		state = registry.RunCancelled
	default:
		return nil, problem.New(problem.Invalid, "the call does not say why the run ends", "use TRIGGER_TYPE_FAILURE or TRIGGER_TYPE_CANCELLATION")
	}
	if err := a.server.cfg.Store.CancelRun(ctx, o.ID, run.ID, state, cleaned(req.GetReason())); err != nil {
		return nil, runProblem(err)
	}
	return &controlplanev1.AttestationServiceCancelResponse{}, nil
}

// run returns a run of the caller's organization. One of another is not found.
func (s *Server) run(ctx context.Context, text string) (org.Organization, registry.Run, error) {
	o, err := callerOrganization(ctx)
	if err != nil {
		return o, registry.Run{}, err
	}
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return o, registry.Run{}, problem.New(problem.Invalid, "that is not the id of a workflow run", "use the id that attestation init was given")
	}
	run, err := s.cfg.Store.Run(ctx, o.ID, id)
	if err != nil {
		return o, registry.Run{}, runProblem(err)
	}
	return o, run, nil
}

// openRun returns one that has not ended.
func (s *Server) openRun(ctx context.Context, text string) (org.Organization, registry.Run, error) {
	o, run, err := s.run(ctx, text)
	if err != nil {
		return o, run, err
	}
	if state := run.StateAt(time.Now()); state != registry.RunInitialized {
		return o, run, errEnded(nil, state)
	}
	return o, run, nil
}

func errEnded(cause error, state registry.RunState) error {
	message := "the workflow run has ended"
	if state != "" {
		message += ": it is " + string(state)
	}
	return problem.Wrap(cause, problem.Precondition, message, "begin another one with attestation init")
}

// runProblem explains what the database says about a run.
func runProblem(err error) error {
	switch {
	case errors.Is(err, registry.ErrRunFinished):
		return errEnded(err, "")
	case errors.Is(err, registry.ErrNotFound):
		return problem.Wrap(err, problem.NotFound, "there is no such workflow run", "begin one with attestation init")
	}
	return unavailable(err)
}

// cleaned makes a reason of whatever a client says: for a reason nobody is refused.
func cleaned(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	for len(text) > maxReasonBytes {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	return text
}

// printable reports whether text is short enough, and such that it may be shown.
func printable(text string, most int) bool {
	if len(text) > most || !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
