package awscloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/managedcas/managedcas/internal/cloud"
)

// Error is a failed call. It wraps its outcome, an error of package cloud, and the
// SDK's error. It is written for operators: AWS's message may contain ARNs.
type Error struct {
	Op        string // what was being done, "creating access point cas-1"
	Outcome   error  // one of package cloud; nil when the context ended
	Code      string // AWS's error code, "NoSuchAccessPoint"; empty if no answer came
	Message   string // AWS's message
	RequestID string
	cause     error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Code == "" {
		fmt.Fprintf(&b, ": %v", e.cause)
		return b.String()
	}
	fmt.Fprintf(&b, ": %s", e.Code)
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// Unwrap returns the outcome and the cause.
func (e *Error) Unwrap() []error {
	if e.Outcome == nil {
		return []error{e.cause}
	}
	return []error{e.Outcome, e.cause}
}

// failed describes the failure err of an operation; nil stays nil.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: fmt.Sprintf(format, args...), cause: err}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		e.RequestID = response.RequestID
	}
	api, ok := errors.AsType[smithy.APIError](err)
	switch {
	case ok:
		e.Code, e.Message = api.ErrorCode(), api.ErrorMessage()
		e.Outcome = outcome(e.Code, statusOf(err))
		if errors.Is(e.Outcome, cloud.ErrInvalid) && e.RequestID == "" {
			// AWS names every request. What does not is somebody on the way, of whom nothing is
			// known: its code is the status in words.
			e.Outcome = cloud.ErrUnavailable
		}
	case errors.Is(err, errTooBusy):
		e.Outcome = cloud.ErrThrottled
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	default: // no answer, or one that is not AWS's
		e.Outcome = cloud.ErrUnavailable
	}
	return e
}

func statusOf(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}

// outcome decides by AWS's code; a code that the table does not know, by HTTP status.
func outcome(code string, status int) error {
	if known, ok := outcomes()[code]; ok {
		return known
	}
	switch {
	case status == http.StatusNotFound:
		return cloud.ErrNotFound
	case status == http.StatusForbidden:
		return cloud.ErrDenied
	case status == http.StatusPreconditionFailed:
		return cloud.ErrExists
	case status == http.StatusConflict:
		return cloud.ErrConflict
	case status == http.StatusTooManyRequests:
		return cloud.ErrThrottled
	case status == http.StatusNotImplemented:
		return cloud.ErrUnsupported
	case status >= 500, status == http.StatusRequestTimeout:
		return cloud.ErrUnavailable
	}
	return cloud.ErrInvalid
}

// absentIsFine forgives the deletion of what is gone.
func absentIsFine(err error) error {
	if errors.Is(err, cloud.ErrNotFound) {
		return nil
	}
	return err
}

// unsetIsFine forgives the absence of a bucket's setting, not that of the bucket.
func unsetIsFine(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Code == "NoSuchBucket" {
		return err
	}
	return absentIsFine(err)
}
