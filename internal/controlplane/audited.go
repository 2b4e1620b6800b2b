package controlplane

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/managedcas/managedcas/internal/audit"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
)

// requestIDKey names a call in its answer and in the records of what it did.
const requestIDKey = "managedcas-request-id"

// asking is a call for the records about it: the interceptor inside of authentication
// tells the one outside who it was.
type asking struct {
	origin audit.Origin
	caller auth.Caller
	named  []string // the organizations that it names: one, or a mistake
}

func askingOf(ctx context.Context) *asking {
	return &asking{origin: originOf(ctx), named: metadata.ValueFromIncomingContext(ctx, auth.OrganizationKey)}
}

type askingKey struct{}

// auditUnary records what was refused. What is changed, the database records together
// with the change.
func (s *Server) auditUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	a := askingOf(ctx)
	// What cannot be sent with the answer is in the records all the same.
	_ = grpc.SetHeader(ctx, metadata.Pairs(requestIDKey, a.origin.RequestID))
	resp, err := next(context.WithValue(ctx, askingKey{}, a), req)
	s.auditRefusal(a, info.FullMethod, err)
	return resp, err
}

// auditStream is auditUnary for streams.
func (s *Server) auditStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	a := askingOf(stream.Context())
	err := next(srv, stream)
	s.auditRefusal(a, info.FullMethod, err)
	return err
}

// knownOrigin notes who calls, and lets whatever changes something know.
func knownOrigin(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if a, ok := ctx.Value(askingKey{}).(*asking); ok {
		a.caller, _ = auth.CallerFrom(ctx)
		ctx = audit.WithOrigin(ctx, by(a.origin, a.caller))
	}
	return next(ctx, req)
}

func originOf(ctx context.Context) audit.Origin {
	origin := audit.Origin{Kind: audit.Unknown, RequestID: uuid.NewString()}
	if address := auth.AddressOf(ctx); address != "" {
		origin.RemoteIP = audit.Address(address)
	}
	if agents := metadata.ValueFromIncomingContext(ctx, "user-agent"); len(agents) > 0 {
		origin.UserAgent = agents[0]
	}
	return origin
}

func originOfRequest(r *http.Request) audit.Origin {
	return audit.Origin{Kind: audit.Unknown, RequestID: uuid.NewString(), RemoteIP: audit.Address(r.RemoteAddr), UserAgent: r.UserAgent()}
}

// kinds are what callers are in records.
var kinds = map[auth.Kind]audit.Kind{
	auth.InstanceToken: audit.InstanceToken, auth.OrganizationToken: audit.OrganizationToken,
	auth.PipelineToken: audit.Pipeline, auth.UserLogin: audit.User,
}

func by(origin audit.Origin, caller auth.Caller) audit.Origin {
	if caller.Known() {
		origin.Kind, origin.Subject = kinds[caller.Kind()], caller.Subject()
	}
	return origin
}

// auditRefusal records that a call was refused, in the chain of the organization that its
// token is good for. Whoever shows no good token is counted with others.
func (s *Server) auditRefusal(a *asking, method string, err error) {
	kind := problem.KindOf(err)
	if err == nil || kind != problem.Unauthenticated && kind != problem.Denied && kind != problem.Exhausted && kind != problem.TooLarge {
		return
	}
	e := audit.Event{
		Chain: audit.Installation, Time: time.Now(), Action: audit.Call, Object: "method" + method,
		Outcome: audit.Denied, Reason: problem.From(err).Reason(), Origin: by(a.origin, a.caller),
	}
	// A user may name an organization without belonging to it, and writes nothing into its
	// chain by that.
	_, person := a.caller.User()
	if o, ok := a.caller.Organization(); ok && (!person || a.caller.Role() != "") {
		e.Chain = audit.Of(o.ID)
	}
	if refused, ok := errors.AsType[*auth.Refused](err); ok {
		e.Chain, e.Subject, e.Kind = audit.Of(refused.Org), refused.Subject(), audit.OrganizationToken
		if refused.Org.IsZero() {
			e.Kind = audit.InstanceToken
		}
		if len(a.named) == 1 {
			e.Details = map[string]string{"organization": a.named[0]}
		}
	}
	if kind == problem.Unauthenticated {
		s.cfg.Audit.Count(e)
		return
	}
	s.cfg.Audit.Denied(e)
}
