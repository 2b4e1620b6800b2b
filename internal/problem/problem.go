// Package problem is the one table of what can go wrong for a client, and what
// each case is called in gRPC, in HTTP and as an exit code (DESIGN I12).
//
// A problem has two sides. Message, hint and reason are written for the client
// and are sent. The cause is written for the operator: it may name AWS resources,
// is logged through Error, and is never sent (DESIGN I10).
package problem

import (
	"context"
	"errors"
	"time"
)

// Problem is an error that knows its kind. It is immutable.
type Problem struct {
	kind    Kind
	message string
	hint    string
	reason  string
	cause   error

	retryAfter time.Duration
}

// New returns a problem. The message says what is wrong, the hint what to do next;
// both are sent to clients, so neither may name an AWS resource. The hint may be
// empty only where there is nothing to do.
func New(kind Kind, message, hint string) *Problem {
	return &Problem{kind: kind, message: message, hint: hint}
}

// Wrap is New with a cause, which errors.Is and errors.As see and clients do not.
func Wrap(cause error, kind Kind, message, hint string) *Problem {
	return &Problem{kind: kind, message: message, hint: hint, cause: cause}
}

// WithReason returns a copy with another ErrorInfo reason: one of those that the
// stock client recognises (facts WIRE §7.1).
func (p *Problem) WithReason(reason string) *Problem {
	c := *p
	c.reason = reason
	return &c
}

// Kind returns the kind.
func (p *Problem) Kind() Kind { return p.kind }

// Message says what is wrong, in words for the client.
func (p *Problem) Message() string { return p.message }

// Hint says what to do next. It may be empty.
func (p *Problem) Hint() string { return p.hint }

// Reason returns the machine-readable reason; never empty.
func (p *Problem) Reason() string {
	if p.reason == "" {
		return p.kind.Reason()
	}
	return p.reason
}

// Public returns message and hint as one line: all that a client may read.
func (p *Problem) Public() string {
	if p.hint == "" {
		return p.message
	}
	return p.message + ": " + p.hint
}

// Error includes the cause, for logs. What is sent to clients is Public.
func (p *Problem) Error() string {
	if p.cause == nil {
		return p.message
	}
	return p.message + ": " + p.cause.Error()
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.cause }

// From classifies err. A Problem anywhere in its chain is returned as it is; a
// finished context is Canceled or Deadline; anything else is Internal, with a
// message that tells nothing. From(nil) is nil.
func From(err error) *Problem {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Wrap(err, Canceled, "the request was canceled", "")
	case errors.Is(err, context.DeadlineExceeded):
		return Wrap(err, Deadline, "the request ran out of time", "try again")
	}
	return Wrap(err, Internal, "server error", "the operator finds the cause in the server log")
}

// KindOf returns the kind that From would give err. For nil it is Internal: ask
// only about errors.
func KindOf(err error) Kind {
	if p := From(err); p != nil {
		return p.kind
	}
	return Internal
}
