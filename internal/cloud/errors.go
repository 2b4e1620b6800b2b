// Package cloud is what the engines know about AWS: the outcomes that a call can
// have, and the few things that a call can return. It holds values only, so that
// engines can act on AWS without knowing its SDK; package awscloud makes them.
package cloud

import (
	"errors"
	"fmt"
)

// The outcomes of a failed call. Every error of package awscloud wraps exactly one
// of them, or the context's own error; errors.Is tells which.
var (
	// ErrNotFound: what the call names does not exist (or not yet: IAM is eventually
	// consistent, facts AWS §5).
	ErrNotFound = errors.New("not found in AWS")
	// ErrUploadGone: S3 does not have the upload in parts that the call names, or not with
	// those parts. It is an ErrNotFound.
	ErrUploadGone = fmt.Errorf("%w: the upload or its parts", ErrNotFound)
	// ErrExists: the name is taken by us already, or a conditional write found an
	// object in its place (412).
	ErrExists = errors.New("exists already in AWS")
	// ErrDenied: a policy refuses. For a HEAD it may also mean "missing": without
	// s3:ListBucket AWS does not tell the two apart (facts AWS §7.6).
	ErrDenied = errors.New("denied by AWS")
	// ErrExpired: the credentials have expired, or their role is gone. Get new ones.
	ErrExpired = errors.New("credentials no longer accepted by AWS")
	// ErrThrottled: too many calls. Retry later; the effect did not happen.
	ErrThrottled = errors.New("throttled by AWS")
	// ErrLimit: a quota or size limit is reached. Retrying does not help.
	ErrLimit = errors.New("limit of AWS reached")
	// ErrBadDigest: S3 received other bytes than the checksum announces.
	ErrBadDigest = errors.New("content does not match its checksum")
	// ErrConflict: another operation on the same thing is in flight. Retry.
	ErrConflict = errors.New("conflicting operation in AWS")
	// ErrMalformedPolicy: a policy document is refused. Shortly after a role was
	// created this also means that AWS does not know the principal yet (facts AWS §1.3).
	ErrMalformedPolicy = errors.New("policy document refused by AWS")
	// ErrKeyUnusable: the KMS key is disabled, pending deletion or gone.
	ErrKeyUnusable = errors.New("KMS key cannot be used")
	// ErrUnavailable: AWS or the way to it failed; whether the effect happened is
	// unknown. Retry what is idempotent.
	ErrUnavailable = errors.New("AWS unavailable")
	// ErrRange: the wanted range begins behind the end of the object.
	ErrRange = errors.New("range not satisfiable")
	// ErrUnsupported: the endpoint does not implement the call.
	ErrUnsupported = errors.New("not implemented by this AWS endpoint")
	// ErrInvalid: the request is wrong and will stay wrong.
	ErrInvalid = errors.New("request refused by AWS")
)

// Transient reports whether the same call may succeed a little later without
// anybody changing anything.
func Transient(err error) bool {
	return errors.Is(err, ErrThrottled) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrConflict)
}
