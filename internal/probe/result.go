package probe

import (
	"context"
	"errors"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
)

// The reasons of a Result.
const (
	Probed           = "Probed"           // True
	SessionDenied    = "SessionDenied"    // the base role cannot be assumed
	CoordinatesWrong = "CoordinatesWrong" // what is stored for the data path is not the organization's, or missing
	AccessDenied     = "AccessDenied"     // its own storage refuses the organization
	KeyUnusable      = "KeyUnusable"      // the encryption key is disabled or gone
	CanaryChanged    = "CanaryChanged"    // other bytes came back
	IsolationBroken  = "IsolationBroken"  // something of others did not refuse it
	Unanswered       = "Unanswered"       // Unknown: AWS, or a store, did not answer
)

// Reasons are all of them: a counter that appears only when its first event does has no
// increase that an alert could see.
var Reasons = []string{
	Probed, SessionDenied, CoordinatesWrong, AccessDenied, KeyUnusable, CanaryChanged, IsolationBroken, Unanswered,
}

// Result is what came of a probe.
type Result struct {
	Status  registry.ConditionStatus
	Reason  string
	Message string // for people who must not see AWS names
	Detail  error  // for operators; nil on success
	Took    time.Duration
}

var reachable = Result{Status: registry.True, Reason: Probed,
	Message: "a session stored, read and listed, and was kept out of everything else"}

// inconclusive reports whether err says nothing about what the session may do.
func inconclusive(ctx context.Context, err error) bool {
	return ctx.Err() != nil || cloud.Transient(err) || errors.Is(err, cloud.ErrExpired) || errors.Is(err, registry.ErrUnavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func untried(err error) Result {
	return Result{Status: registry.Unknown, Reason: Unanswered, Message: "the storage did not answer the probe", Detail: err}
}

// noSession explains a session that could not be had.
func noSession(err error) Result {
	r := Result{Status: registry.False, Detail: err}
	switch {
	case errors.Is(err, session.ErrCoordinates), errors.Is(err, registry.ErrNotFound):
		r.Reason, r.Message = CoordinatesWrong, "where the organization stores is not recorded correctly"
	case inconclusive(context.Background(), err), errors.Is(err, registry.ErrRefused):
		return untried(err)
	default: // also a session policy that IAM does not show yet
		r.Reason, r.Message = SessionDenied, "no session of the organization can be made"
	}
	return r
}

// refused explains an answer of the organization's own storage.
func refused(verb string, err error) Result {
	r := Result{Status: registry.False, Detail: err}
	switch {
	case errors.Is(err, cloud.ErrKeyUnusable):
		r.Reason, r.Message = KeyUnusable, "the key that the storage is encrypted with cannot be used"
	case inconclusive(context.Background(), err):
		return untried(err)
	default:
		r.Reason, r.Message = AccessDenied, "the storage refuses the organization to "+verb
	}
	return r
}

var errLetIn = errors.New("it was let in")

func answer(err error) error {
	if err == nil {
		return errLetIn
	}
	return err
}
