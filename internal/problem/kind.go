package problem

import "net/http"

// Kind says what went wrong and whose turn it is. The zero Kind is Internal: an
// error that nobody classified is a defect of the server.
type Kind uint8

// The kinds. Their comments say when each one applies; Retryable says which of
// them a client may try again unchanged.
const (
	// Internal: a defect of the server. Clients learn only that it happened.
	Internal Kind = iota
	// Invalid: the request is malformed, and will be however often it is sent.
	Invalid
	// Unauthenticated: no token, or one that does not verify.
	Unauthenticated
	// Denied: the caller is known, and may not do this.
	Denied
	// NotFound: the thing does not exist for this caller.
	NotFound
	// Exists: the thing to be created is already there.
	Exists
	// Precondition: the thing is not in a state that allows this, and will not
	// come into one by itself.
	Precondition
	// Conflict: another writer was faster. Read again, then decide again.
	Conflict
	// Exhausted: a quota of the caller is used up.
	Exhausted
	// TooLarge: the content exceeds the limit of its storage backend.
	TooLarge
	// RangeUnsatisfiable: an offset lies beyond the end of the artifact.
	RangeUnsatisfiable
	// Corrupt: what is stored is not what its digest promises.
	Corrupt
	// Canceled: the caller went away.
	Canceled
	// Deadline: the time that the request had is over.
	Deadline
	// Unavailable: something that this server needs is down, throttled or not yet
	// provisioned; the same request may work in a moment.
	Unavailable
	// Unimplemented: the server does not offer this.
	Unimplemented
	// Throttled: the caller asks too often. The same request works a moment later, and no
	// client repeats it by its code alone.
	Throttled

	kindEnd // counts the kinds
)

// traits is a row of the error table: everything that a kind means outside.
type traits struct {
	name      string
	grpc      uint32 // status code, https://grpc.io/docs/guides/status-codes/
	http      int    // RFC 9110; 499 is the gRPC gateways' "client closed request"
	exit      int    // of the command line client
	retryable bool
	reason    string // default ErrorInfo.reason (facts WIRE §7.1)
}

// table is the one error table (DESIGN I12). The stock client retries Unavailable,
// Internal and DeadlineExceeded for minutes (facts WIRE §1.7), so nothing permanent
// may be given one of these three codes. Exit code 4 is left out: clients use it
// for a violated policy gate.
var table = [kindEnd]traits{
	Internal:           {"internal", 13, http.StatusInternalServerError, 1, false, "INTERNAL"},
	Invalid:            {"invalid", 3, http.StatusBadRequest, 2, false, "INVALID_ARGUMENT"},
	Unauthenticated:    {"unauthenticated", 16, http.StatusUnauthorized, 3, false, "UNAUTHENTICATED"},
	Denied:             {"denied", 7, http.StatusForbidden, 5, false, "PERMISSION_DENIED"},
	NotFound:           {"not_found", 5, http.StatusNotFound, 6, false, "NOT_FOUND"},
	Exists:             {"exists", 6, http.StatusConflict, 7, false, "ALREADY_EXISTS"},
	Precondition:       {"precondition", 9, http.StatusPreconditionFailed, 8, false, "FAILED_PRECONDITION"},
	Conflict:           {"conflict", 10, http.StatusConflict, 9, true, "CONFLICT"},
	Exhausted:          {"exhausted", 8, http.StatusTooManyRequests, 10, false, "QUOTA_EXHAUSTED"},
	TooLarge:           {"too_large", 8, http.StatusRequestEntityTooLarge, 11, false, "CONTENT_TOO_LARGE"},
	RangeUnsatisfiable: {"range_unsatisfiable", 11, http.StatusRequestedRangeNotSatisfiable, 12, false, "OUT_OF_RANGE"},
	Corrupt:            {"corrupt", 15, http.StatusInternalServerError, 13, false, "CORRUPT_CONTENT"},
	Canceled:           {"canceled", 1, 499, 130, false, "CANCELED"},
	Deadline:           {"deadline", 4, http.StatusGatewayTimeout, 14, true, "DEADLINE_EXCEEDED"},
	Unavailable:        {"unavailable", 14, http.StatusServiceUnavailable, 15, true, "UNAVAILABLE"},
	Unimplemented:      {"unimplemented", 12, http.StatusNotImplemented, 16, false, "UNIMPLEMENTED"},
	Throttled:          {"throttled", 8, http.StatusTooManyRequests, 17, true, "RATE_LIMITED"},
}

// traits of an out-of-range Kind are those of Internal.
func (k Kind) traits() traits {
	if k >= kindEnd {
		return table[Internal]
	}
	return table[k]
}

// String returns the stable lower-case name, which logs and JSON carry.
func (k Kind) String() string { return k.traits().name }

// GRPCCode returns the number of the gRPC status code.
func (k Kind) GRPCCode() uint32 { return k.traits().grpc }

// HTTPStatus returns the HTTP status.
func (k Kind) HTTPStatus() int { return k.traits().http }

// ExitCode returns the exit code of the command line client. It is never 0.
func (k Kind) ExitCode() int { return k.traits().exit }

// Retryable reports whether the same request may succeed later with nothing
// changed by the caller.
func (k Kind) Retryable() bool { return k.traits().retryable }

// Reason returns the ErrorInfo reason of problems that name no better one.
func (k Kind) Reason() string { return k.traits().reason }

// Kinds returns every kind, for tests and documentation.
func Kinds() []Kind {
	kinds := make([]Kind, kindEnd)
	for i := range kinds {
		kinds[i] = Kind(i)
	}
	return kinds
}

// ParseKind finds a kind by its String form.
func ParseKind(name string) (Kind, bool) {
	for k := range kindEnd {
		if table[k].name == name {
			return k, true
		}
	}
	return Internal, false
}
