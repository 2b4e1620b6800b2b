package grpcproblem

import (
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/internal/problem"
)

// FromClient reads a problem back from the error of a gRPC call. Servers of other
// makes send no kind; theirs is derived from the code. FromClient(nil) is nil.
func FromClient(err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		return problem.From(err)
	}
	kind, hint, reason := kindOf(s.Code()), "", ""
	var after time.Duration
	for _, d := range s.Details() {
		if retry, ok := d.(*errdetails.RetryInfo); ok {
			after = retry.GetRetryDelay().AsDuration()
		}
		info, ok := d.(*errdetails.ErrorInfo)
		if !ok {
			continue
		}
		reason, hint = info.GetReason(), info.GetMetadata()[hintKey]
		if k, ok := problem.ParseKind(info.GetMetadata()[kindKey]); ok && k.GRPCCode() == uint32(s.Code()) {
			kind = k
		}
	}
	message := s.Message()
	if hint != "" {
		message = strings.TrimSuffix(message, ": "+hint)
	}
	return problem.Wrap(err, kind, message, hint).WithReason(reason).WithRetryAfter(after)
}

// kindOf returns the first kind with the code. Unknown is what a server that knows
// nothing of codes answers with: Internal.
func kindOf(code codes.Code) problem.Kind {
	for _, k := range problem.Kinds() {
		if k.GRPCCode() == uint32(code) {
			return k
		}
	}
	return problem.Internal
}
