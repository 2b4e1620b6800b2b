package api

import (
	"context"
	"io"
	"net/http"

	"github.com/managedcas/managedcas/internal/iam"
)

// Request is an authenticated request on its way through a service. The frame
// makes it; the service and the gate write down what they find; the frame turns it
// into a journal entry when the answer is out.
type Request struct {
	ID        string  // x-amz-request-id
	Service   string  // "s3", "s3control", "sts", "iam", "kms", "secretsmanager"
	Operation string  // "PutObject"
	Caller    *Caller // never nil; Kind Anonymous when unsigned
	Region    string  // of the credential scope
	Presigned bool

	// Body is the payload without aws-chunked framing. It has been, or while it is
	// read will be, checked against the signed payload hash, chunk signatures and
	// trailer signature; a mismatch is an *Error from Read, in place of io.EOF.
	Body io.Reader
	// BodyLength is the decoded length, -1 when unknown.
	BodyLength int64
	// PayloadSHA256 is the hex sha256 that the client signed for the whole payload, or
	// empty for streaming and UNSIGNED-PAYLOAD bodies.
	PayloadSHA256 string
	// Trailer returns the verified trailing headers (x-amz-checksum-*); it is empty
	// until Body has returned io.EOF.
	Trailer func() http.Header

	// Context holds the condition keys that depend only on the request itself
	// (aws:SourceIp, aws:SecureTransport, s3:signatureversion, …), set by the frame.
	Context iam.Context
	// Resource is the main resource, for the journal; set by the service.
	Resource string
	// Decisions are appended by the gate: the verdict of each Authorize call, before a
	// denial also those of the contexts that would have allowed.
	Decisions []iam.Decision
}

type requestKey struct{}

// WithRequest returns a context that carries req.
func WithRequest(ctx context.Context, req *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, req)
}

// FromContext returns the request in flight, or nil outside of one.
func FromContext(ctx context.Context) *Request {
	req, _ := ctx.Value(requestKey{}).(*Request)
	return req
}

// Emulated is one emulated AWS service. The frame authenticates before Serve and
// renders what fails before or in Serve with WriteError, in the service's protocol.
type Emulated interface {
	// Operation names what the request asks for ("GetObject"), or "" when the service
	// does not know it. It must not read the body; for query-protocol services the
	// frame has parsed the form (r.PostForm).
	Operation(r *http.Request) string
	// Operations are all names that Operation gives to what the service knows.
	Operations() []string
	// Serve answers the request. An *Error it returns is rendered by WriteError unless
	// the answer has begun.
	Serve(w http.ResponseWriter, r *http.Request, req *Request) error
	// WriteError renders err in the service's protocol.
	WriteError(w http.ResponseWriter, r *http.Request, requestID string, err *Error)
}
