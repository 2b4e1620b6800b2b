package cas_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
)

// I10, I12: every outcome of a Store, what a client is told of it, and that it is told
// nothing of AWS, however the error is wrapped. Retryable is what may work unchanged in
// a moment: what others must repair is, because it is not the client's to change.
func TestI12_Problems(t *testing.T) {
	t.Parallel()
	const secret = "arn:aws:s3:us-east-1:123456789012:accesspoint/cas-1"
	for _, row := range []struct {
		err  error
		want problem.Kind
	}{
		{cas.ErrCorrupt, problem.Corrupt},
		{fmt.Errorf("%w: %w", cas.ErrCorrupt, digest.ErrMismatch), problem.Corrupt},
		{digest.ErrMismatch, problem.Invalid},
		{digest.ErrLength, problem.Invalid},
		{digest.ErrDigest, problem.Invalid},
		{cas.ErrIncomplete, problem.Invalid},
		{cas.ErrTooLarge, problem.TooLarge},
		{cas.ErrName, problem.Invalid},
		{cas.ErrForbidden, problem.Denied},
		{cas.ErrNotFound, problem.NotFound},
		{cas.ErrUploads, problem.Exhausted},
		{&cas.RangeError{Size: 5}, problem.RangeUnsatisfiable},
		{registry.ErrNotFound, problem.Unavailable},
		{registry.ErrUnavailable, problem.Unavailable},
		{registry.ErrRefused, problem.Unavailable},
		{session.ErrCoordinates, problem.Unavailable},
		{cloud.ErrKeyUnusable, problem.Unavailable},
		{cloud.ErrDenied, problem.Unavailable},
		{cloud.ErrMalformedPolicy, problem.Unavailable}, // a session policy that is not there yet
		{cloud.ErrExpired, problem.Unavailable},
		{cloud.ErrThrottled, problem.Unavailable},
		{cloud.ErrBadDigest, problem.Unavailable},
		{cloud.ErrNotFound, problem.Unavailable},
		{cloud.ErrConflict, problem.Unavailable},
		{cloud.ErrUnavailable, problem.Unavailable},
		// Nothing that a client does or waits for changes these: defects of the server.
		{cloud.ErrLimit, problem.Internal},
		{cloud.ErrInvalid, problem.Internal},
		{cloud.ErrUnsupported, problem.Internal},
		{errors.New("anything"), problem.Internal},
		{context.Canceled, problem.Canceled},
		{context.DeadlineExceeded, problem.Deadline},
		{problem.New(problem.Invalid, "a message", "a hint"), problem.Invalid},
		// The client's fault wins over what S3 made of it.
		{errors.Join(cloud.ErrUnavailable, digest.ErrMismatch), problem.Invalid},
		{errors.Join(cloud.ErrDenied, cas.ErrTooLarge), problem.TooLarge},
	} {
		for _, err := range []error{row.err, fmt.Errorf("storing at %s: %w", secret, row.err)} {
			got := problem.From(cas.Problem(err))
			if got.Kind() != row.want {
				t.Errorf("%v: %v, want %v", row.err, got.Kind(), row.want)
			}
			if strings.Contains(got.Public(), "arn:") || got.Message() == "" {
				t.Errorf("%v: a client reads %q", row.err, got.Public())
			}
			if got.Kind() != problem.Canceled && got.Hint() == "" {
				t.Errorf("%v: no next step", row.err)
			}
			if !errors.Is(got, row.err) {
				t.Errorf("%v: the cause is lost for the log", row.err)
			}
		}
	}
}

// An upload that cannot be resumed can still be made, which no other exhausted limit allows.
func TestTooManyUploadsHaveAReason(t *testing.T) {
	t.Parallel()
	if got := problem.From(cas.Problem(fmt.Errorf("begin: %w", cas.ErrUploads))).Reason(); got != cas.ReasonUploads || got == problem.Exhausted.Reason() {
		t.Errorf("the reason is %q", got)
	}
}
