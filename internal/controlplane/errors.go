package controlplane

import (
	"errors"

	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// The reasons by which the stock client tells what is wrong (facts WIRE §7.1).
const (
	reasonBackendRequired = "CAS_BACKEND_ERROR_REASON_REQUIRED"
	reasonBackendInvalid  = "CAS_BACKEND_ERROR_REASON_INVALID"
	// reasonNotInOrg makes it forget the organization in its configuration file.
	reasonNotInOrg = "USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG"
)

// degradedMessage stands for the reason of a degraded organization, which names AWS
// resources.
const degradedMessage = "the storage needs the operator of the installation; the backend's log, and managedcasd reconcile --plan, say why"

// unavailable is for errors of the database that say nothing about the request.
func unavailable(cause error) error {
	if p := known(cause); p != nil {
		return p
	}
	return problem.Wrap(cause, problem.Unavailable, "the database does not answer", "try again in a moment")
}

// known finds the errors that do say something.
func known(cause error) error {
	switch {
	case errors.Is(cause, registry.ErrExists):
		return problem.Wrap(cause, problem.Exists, "the name is taken", "choose another name")
	case errors.Is(cause, registry.ErrTooMany):
		return problem.Wrap(cause, problem.Exhausted, "there are as many as there may be", "take back or delete what is not needed any more (docs/limits.md)")
	case errors.Is(cause, registry.ErrNotFound):
		return problem.Wrap(cause, problem.NotFound, "not found", "see what there is with list")
	case errors.Is(cause, registry.ErrConflict):
		return problem.Wrap(cause, problem.Conflict, "somebody else changed it at the same time", "look at it again, and try again")
	case errors.Is(cause, registry.ErrLastOwner):
		return problem.Wrap(cause, problem.Precondition, "the organization would have no owner", "make somebody else an owner first")
	case errors.Is(cause, org.ErrTransition):
		return problem.Wrap(cause, problem.Precondition, "the organization is not in a state that allows this", "see its state with organization describe")
	}
	return nil
}

func unimplemented(message, hint string) error {
	return problem.New(problem.Unimplemented, message, hint)
}
