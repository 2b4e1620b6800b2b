package cas

import (
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/internal/session"
)

// ReasonUploads is the reason of ErrUploads: an upload that is too many to be resumed can
// still be made in one request, and clients tell it from every other exhausted limit.
const ReasonUploads = "TOO_MANY_UPLOADS"

// Problem says what a client is told of an error of a Store: what is its own fault
// and permanent, and what may work in a moment (DESIGN I12). Nothing in it names an
// AWS resource (I10).
func Problem(err error) error {
	if _, ok := errors.AsType[*problem.Problem](err); ok {
		return err // somebody closer has said it, whatever was made of it on the way
	}
	if e, ok := errors.AsType[*OffsetError](err); ok {
		return problem.Wrap(err, problem.Conflict, e.Error(), fmt.Sprintf("continue at %d", e.Want)).WithReason("UPLOAD_OFFSET")
	}
	if errors.Is(err, ErrUploads) {
		return problem.Wrap(err, problem.Exhausted, "too many unfinished uploads", "finish or cancel some; abandoned ones expire").WithReason(ReasonUploads)
	}
	for _, row := range problems {
		if errors.Is(err, row.is) {
			return problem.Wrap(err, row.kind, row.message, row.hint)
		}
	}
	return err // a Problem already, or internal
}

// problems is read from the top. What was wrong with the content comes first, because a
// broken body surfaces as whatever S3 made of it, too; what is corrupt comes before
// that, because it also is a digest that does not match.
var problems = []struct {
	is            error
	kind          problem.Kind
	message, hint string
}{
	{ErrCorrupt, problem.Corrupt, "the stored artifact is damaged", "do not use what arrived; tell the operator of the installation"},
	{digest.ErrMismatch, problem.Invalid, "the content does not match its digest", "nothing was stored; compute the digest of what you send"},
	{digest.ErrLength, problem.Invalid, "the content does not have its announced length", "nothing was stored; send all of it again"},
	{digest.ErrDigest, problem.Invalid, "that is not a digest", "use sha256: followed by 64 lowercase hexadecimal digits"},
	{ErrTaken, problem.Conflict, "another request continues this upload", "ask how far the upload is, and continue there if nobody else does"},
	{ErrUploadLost, problem.Conflict, "what had arrived of the upload is gone", "begin the upload again"},
	{ErrNoUpload, problem.NotFound, "upload not found", "it was never begun, is over, or has expired: begin it again"},
	{ErrAppend, problem.Invalid, "the append is too small", "send at least 5 MiB at a time, except at the end"},
	{ErrUploadLength, problem.Invalid, "inconsistent length values for the upload", "announce one length, and send exactly that"},
	{errLedger, problem.Unavailable, "uploads in parts cannot be recorded at the moment", "try again in a moment"},
	{ErrIncomplete, problem.Invalid, "the upload ended before it was complete", "nothing was stored; send all of it again"},
	{ErrTooLarge, problem.TooLarge, "the artifact is too large", "nothing was stored; the limit is shown by cas-backend list"},
	{ErrName, problem.Invalid, "that is not a usable file name", "send a base name of at most 255 bytes, without separators or control characters"},
	{ErrMediaType, problem.Invalid, "that is not a media type", "send type/subtype, with parameters at most 255 bytes, or none"},
	{ErrForbidden, problem.Denied, "the token does not allow this", "ask the control plane for a token for this role and digest"},
	{ErrNotFound, problem.NotFound, "artifact not found", "this organization has no artifact with that digest"},
	{ErrRange, problem.RangeUnsatisfiable, "the range begins behind the end of the artifact", "ask for a range within its size, which describe shows"},
	{registry.ErrNotFound, problem.Unavailable, "the organization's storage is still being set up", "try again in a few seconds; organization describe shows how far it is"},
	{registry.ErrUnavailable, problem.Unavailable, "the storage does not answer", "try again in a moment"},
	{registry.ErrRefused, problem.Unavailable, "the organization's storage is not usable", "the operator finds the cause in the server log"},
	{session.ErrNoBackend, problem.Denied, "the organization has no such storage backend", "it may have been deleted, with what is in it out of reach; ask the control plane for another token"},
	{session.ErrBackend, problem.Denied, "the organization's own bucket cannot be used", "an administrator of the organization finds the cause with cas-backend revalidate and cas-backend list"},
	{session.ErrCoordinates, problem.Unavailable, "the organization's storage is not usable", "the operator finds the cause in the server log"},
	{cloud.ErrKeyUnusable, problem.Unavailable, "the organization's storage is not usable", "the operator finds the cause in the server log"},
	{cloud.ErrDenied, problem.Unavailable, "the organization's storage is not usable", "it may still be being set up; the operator finds the cause in the server log"},
	// AssumeRole with a session policy that is not there: the reconciler makes it.
	{cloud.ErrMalformedPolicy, problem.Unavailable, "the organization's storage is not usable", "it may still be being set up; the operator finds the cause in the server log"},
	{cloud.ErrExpired, problem.Unavailable, "the storage session ended", "try again"},
	{cloud.ErrThrottled, problem.Unavailable, "the storage is busy", "try again in a moment"},
	// The body was verified before S3 had all of it: S3 received something else.
	{cloud.ErrBadDigest, problem.Unavailable, "the content was damaged on its way to the storage", "nothing was stored; try again"},
	{cloud.ErrNotFound, problem.Unavailable, "the upload was interrupted", "nothing was stored; try again"},
	{cloud.ErrConflict, problem.Unavailable, "somebody else is storing the same artifact", "try again"},
	{cloud.ErrUnavailable, problem.Unavailable, "the storage does not answer", "try again in a moment"},
}
