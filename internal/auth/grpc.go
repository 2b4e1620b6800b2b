package auth

import (
	"context"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/problem"
)

// The metadata keys of a call: its token, and the organization that it names (facts WIRE
// §1.3). HTTP has headers of the same names.
const (
	AuthorizationKey = "authorization"
	OrganizationKey  = "chainloop-organization"
)

// UnaryServer finds the caller of every call but the public ones, and puts it where
// CallerFrom sees it. A call without a good token ends here.
func (t *Tokens) UnaryServer(public func(method string) bool) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if !public(info.FullMethod) {
			caller, err := t.fromMetadata(ctx)
			if err != nil {
				return nil, err
			}
			ctx = context.WithValue(ctx, callerKey{}, caller)
		}
		return next(ctx, req)
	}
}

// StreamServer is UnaryServer for streams.
func (t *Tokens) StreamServer(public func(method string) bool) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		if !public(info.FullMethod) {
			caller, err := t.fromMetadata(stream.Context())
			if err != nil {
				return err
			}
			stream = callerStream{stream, caller}
		}
		return next(srv, stream)
	}
}

type callerStream struct {
	grpc.ServerStream

	caller Caller
}

func (s callerStream) Context() context.Context {
	return context.WithValue(s.ServerStream.Context(), callerKey{}, s.caller)
}

func (t *Tokens) fromMetadata(ctx context.Context) (Caller, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	return t.fromHeaders(ctx, md.Get(AuthorizationKey), md.Get(OrganizationKey))
}

// Request returns the caller of an HTTP request.
func (t *Tokens) Request(r *http.Request) (Caller, error) {
	return t.fromHeaders(r.Context(), r.Header.Values(AuthorizationKey), r.Header.Values(OrganizationKey))
}

// fromHeaders refuses a header that comes twice: of two values, a proxy may have
// looked at the other one.
func (t *Tokens) fromHeaders(ctx context.Context, authorization, organization []string) (Caller, error) {
	if len(authorization) > 1 || len(organization) > 1 {
		return Caller{}, problem.New(problem.Invalid, "a header is repeated", "send authorization and chainloop-organization once")
	}
	var token, name string
	if len(authorization) == 1 {
		token = Bearer(authorization[0])
	}
	if len(organization) == 1 {
		name = organization[0]
	}
	return t.Verify(ctx, token, name)
}
