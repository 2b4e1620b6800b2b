package direct

import (
	"context"
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
)

// The reasons by which clients know that the same transfer works through the CAS.
const (
	ReasonOff            = "DIRECT_TRANSFERS_OFF"
	ReasonNotRecommended = "DIRECT_TRANSFERS_NOT_RECOMMENDED"
	ReasonTooLarge       = "DIRECT_TRANSFER_TOO_LARGE"
	ReasonTooMany        = "DIRECT_UPLOADS_UNCONFIRMED"
	ReasonOwnBucket      = "DIRECT_TRANSFERS_OWN_BUCKET"
)

const throughCAS = "transfer it through the CAS"

var (
	errOff = problem.New(problem.Denied, "this installation has no direct transfers", throughCAS).WithReason(ReasonOff)

	errNotRecommended = problem.New(problem.Denied, "this installation does not recommend direct transfers",
		throughCAS+", or ask without that condition").WithReason(ReasonNotRecommended)
	// An unconfirmed upload is recorded by its organization alone.
	errOwnBucket = problem.New(problem.Denied, "there are no direct transfers with an organization's own bucket", throughCAS).WithReason(ReasonOwnBucket)

	errSize = problem.New(problem.Invalid, "an upload needs its size", "say the exact number of bytes, 0 or more")
)

// Expected holds for the refusals with which clients that go directly where they may are
// sent through the CAS.
func Expected(err error) bool {
	p := problem.From(err)
	return p != nil && (p.Reason() == ReasonOff || p.Reason() == ReasonNotRecommended || p.Reason() == ReasonOwnBucket)
}

// errParts: more than one request, and S3 would compare no sha256 of the whole.
func errParts(most int64) error {
	return problem.New(problem.TooLarge, fmt.Sprintf("the artifact is too large for a direct upload, which may have %d bytes", most),
		"upload it through the CAS, which takes more").WithReason(ReasonTooLarge)
}

func errNotArrived(err error) error {
	return problem.Wrap(err, problem.NotFound, "the artifact has not arrived", "send the request that presign returned, then confirm again")
}

// refused explains why an upload could not be recorded.
func (t *Transfers) refused(err error) error {
	if !errors.Is(err, registry.ErrTooMany) {
		return unrecorded(err)
	}
	return problem.Wrap(err, problem.Exhausted, fmt.Sprintf("%d direct uploads of the organization are not confirmed", t.cfg.Outstanding),
		"confirm those that are done, or "+throughCAS).WithReason(ReasonTooMany)
}

// unrecorded: the records do not answer, which passes.
func unrecorded(err error) error {
	if errors.Is(err, registry.ErrNotFound) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return problem.Wrap(err, problem.Unavailable, "direct transfers cannot be recorded at the moment", "try again in a moment, or "+throughCAS)
}
