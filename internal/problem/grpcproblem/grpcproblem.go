// Package grpcproblem carries problems over gRPC: out as a status with an ErrorInfo
// detail, in again on the client's side.
package grpcproblem

import (
	"context"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/managedcas/managedcas/internal/problem"
)

// The keys of ErrorInfo.metadata.
const (
	kindKey = "kind"
	hintKey = "hint"
)

// Status returns the gRPC status of err: the code of its kind, its public text and
// an ErrorInfo with its reason and, as the wire has it, an empty domain (facts
// WIRE §7.1), and a RetryInfo where waiting helps. The cause stays behind. An error that itself is a status (one of
// grpc-go's own) is passed on; a status inside another error is only a cause, for
// status.FromError would hand the whole chain's text to the client. Status(nil) is
// OK.
func Status(err error) *status.Status {
	if err == nil {
		return status.New(codes.OK, "")
	}
	if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		return s.GRPCStatus()
	}
	p := problem.From(err)
	s := status.New(codes.Code(p.Kind().GRPCCode()), p.Public())
	info := &errdetails.ErrorInfo{
		Reason:   p.Reason(),
		Metadata: map[string]string{kindKey: p.Kind().String()},
	}
	if p.Hint() != "" {
		info.Metadata[hintKey] = p.Hint()
	}
	details := []protoadapt.MessageV1{info}
	if after := p.RetryAfter(); after > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
	}
	detailed, err := s.WithDetails(details...)
	if err != nil {
		return s
	}
	return detailed
}

// Error returns err as a gRPC status error; nil stays nil.
func Error(err error) error { return Status(err).Err() }

// UnaryServer turns the errors of handlers into statuses. It belongs outermost of
// the interceptors that see errors as problems.
func UnaryServer() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		resp, err := next(ctx, req)
		return resp, Error(err)
	}
}

// StreamServer is UnaryServer for streams.
func StreamServer() grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		return Error(next(srv, ss))
	}
}
