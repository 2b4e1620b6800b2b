package registry

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
)

// ContractFormat is how the document of a contract is written.
type ContractFormat string

// The formats of contracts.
const (
	ContractJSON ContractFormat = "json"
	ContractYAML ContractFormat = "yaml"
)

// Contract is one revision of a contract: what a workflow's attestations must have. A
// revision never changes.
type Contract struct {
	ID        uuid.UUID // of the revision
	Name      string
	Revision  int // from 1
	Format    ContractFormat
	Body      string
	CreatedAt time.Time
}

// MaxWorkflows bounds the workflows of an organization. Only a new workflow brings a contract
// or a revision of one: there are no more of these.
const MaxWorkflows = 10_000

// Workflow is what is attested again and again, in a project.
type Workflow struct {
	ID        uuid.UUID
	Org       org.ID
	Project   string
	Name      string
	Contract  string // its name
	Revision  int    // the latest of the contract
	CreatedAt time.Time
}

// NewWorkflow describes a workflow that may not be there yet.
type NewWorkflow struct {
	Org           org.ID
	Project, Name string
	// Contract is used if there is no workflow: with a body, a contract that is added, or
	// a revision of one; without, the name of one that is there.
	Contract NewContract
}

// NewContract is a document, or the name of a contract that is there.
type NewContract struct {
	Name   string
	Format ContractFormat
	Body   string
}

// ProjectVersion is a version of a project.
type ProjectVersion struct {
	ID         uuid.UUID
	Name       string
	Latest     bool
	CreatedAt  time.Time
	ReleasedAt time.Time // zero: a prerelease
}

// RunState says where an attestation is.
type RunState string

// The states of a run. Only an initialized one goes on to another.
const (
	RunInitialized RunState = "initialized"
	RunSucceeded   RunState = "succeeded"
	RunFailed      RunState = "failed"
	RunCancelled   RunState = "cancelled"
	// RunExpired is what an initialized run is after its time; no record says so.
	RunExpired RunState = "expired"
)

// Run is one attestation of a workflow.
type Run struct {
	ID         uuid.UUID
	Org        org.ID
	Workflow   uuid.UUID
	Revision   int // of the contract
	Version    *ProjectVersion
	JobURL     string
	Runner     int32
	State      RunState
	Reason     string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	FinishedAt time.Time
	// Bundle is the digest of what was stored for a run that succeeded.
	Bundle digest.Digest
}

// StateAt is the state at that time.
func (r Run) StateAt(now time.Time) RunState {
	if r.State == RunInitialized && !now.Before(r.ExpiresAt) {
		return RunExpired
	}
	return r.State
}

// NewRun describes a run to be begun.
type NewRun struct {
	Org           org.ID
	Project, Name string // of the workflow
	Revision      int    // of the contract; 0: the latest
	Version       VersionChoice
	JobURL        string
	Runner        int32
	Lifetime      time.Duration
}

// VersionChoice is the version of its project that a run is of. The zero value is none.
type VersionChoice struct {
	Name string
	// MustExist refuses a name that is not there; without, it is added.
	MustExist bool
	// Latest takes the latest one, and no name.
	Latest bool
	// NotLatest keeps a version that is added from becoming the latest one, and MakeLatest
	// makes one the latest that is there.
	NotLatest, MakeLatest bool
}

// Attestation is the record of a bundle whose bytes are stored.
type Attestation struct {
	Run           uuid.UUID
	Org           org.ID
	Digest        digest.Digest
	Size          int64
	PredicateType string
	StoredBy      string
	// Released marks the version of the run as released.
	Released bool
}

// MaxCraftingStates bounds the crafting states of an organization; each may have 1 MiB.
const MaxCraftingStates = 1000

// CraftingState is an attestation in the making, as its client sees it.
type CraftingState struct {
	Body   []byte
	Digest digest.Digest
}

var (
	// ErrRunFinished: the run has ended, with another bundle or with none; or it has
	// expired.
	ErrRunFinished = errors.New("the run has ended")
	// ErrStateChanged: the crafting state is not the one that was to be replaced.
	ErrStateChanged = errors.New("the state has changed")
	// Of what is asked for together, these say what is missing. They are ErrNotFound.
	ErrNoWorkflow = fmt.Errorf("%w: workflow", ErrNotFound)
	ErrNoContract = fmt.Errorf("%w: contract", ErrNotFound)
	ErrNoRevision = fmt.Errorf("%w: revision of the contract", ErrNotFound)
	ErrNoVersion  = fmt.Errorf("%w: version of the project", ErrNotFound)
)
