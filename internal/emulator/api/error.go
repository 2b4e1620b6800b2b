package api

import "fmt"

// Error is an AWS error as a service reports it. Each service renders it in its
// own protocol.
type Error struct {
	Status  int    // HTTP status
	Code    string // AWS error code, e.g. "AccessDenied"
	Message string
	// Extra are further elements of an S3 error body, in order: name, value.
	Extra [][2]string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%d): %s", e.Code, e.Status, e.Message) }

// Errorf makes an Error with a formatted message.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// NotImplemented is the answer to an operation that the embedded AWS does not have
// (DESIGN I9: it refuses loudly, with the operation's name).
func NotImplemented(service, operation string) *Error {
	return Errorf(501, "NotImplemented", "the embedded AWS does not implement %s:%s", service, operation)
}
