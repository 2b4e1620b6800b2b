package admission

import (
	"time"

	"github.com/managedcas/managedcas/internal/problem"
)

// The reasons of refusals, as clients and metrics see them.
const (
	ReasonOrganization = "ORGANIZATION_BUSY" // it has all the transfers that it may
	ReasonServer       = "SERVER_BUSY"       // the server has
	ReasonMemory       = "SERVER_MEMORY"     // its memory is used up
	ReasonDraining     = "SERVER_STOPPING"   // it was told to stop
)

// Reasons are all of them.
var Reasons = []string{ReasonOrganization, ReasonServer, ReasonMemory, ReasonDraining}

// How long clients are told to wait: about as long as a transfer takes; not at all when
// another server is there already.
const (
	retryBusy     = 2 * time.Second
	retryMemory   = 5 * time.Second
	retryDraining = time.Second
)

func refusal(reason, message, hint string, after time.Duration) error {
	return problem.New(problem.Unavailable, message, hint).WithReason(reason).WithRetryAfter(after)
}

// ErrDraining is what a transfer is told that comes, or is still there, when the server
// stops.
func ErrDraining() error {
	return refusal(ReasonDraining, "the server is stopping", "try again: another one takes over", retryDraining)
}

func errMemory() error {
	return refusal(ReasonMemory, "the server is busy", "try again in a moment", retryMemory)
}

// full says which of the two limits is in the way.
func (a *Admission) full(t *tenant) error {
	if t.active >= a.limits.PerOrganization {
		return refusal(ReasonOrganization, "the organization has as many transfers as it may at a time",
			"run fewer at once, or try again in a moment", retryBusy)
	}
	return refusal(ReasonServer, "the server has as many transfers as it can take", "try again in a moment", retryBusy)
}

// errTooSlow: the organization's bandwidth does not suffice for the time that is left.
func errTooSlow(cause error) error {
	return problem.Wrap(cause, problem.Deadline, "the transfer would take too long with the organization's bandwidth", "run fewer at once")
}
