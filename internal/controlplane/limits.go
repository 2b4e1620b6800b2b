package controlplane

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/managedcas/managedcas/internal/attestation"
	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/problem"
)

// Limits keep callers apart, and the process alive. They hold for each process by itself.
// What is zero has its default.
type Limits struct {
	PerToken        Rate // of an API token, a pipeline's, or somebody's login
	PerOrganization Rate // of all that act in one, but for the installation's administrators
	// PerAddress is for calls that show no token, or none that is good, by where they come
	// from.
	PerAddress Rate
	CallTime   time.Duration // of a call, from its first message to its answer
}

// The defaults of Limits. A process on two cores answers some 4,600 calls a second
// (docs/limits.md): one token leaves others about half of that, and so do all of one
// organization. Nobody guesses a token, at any rate; the third keeps the log readable.
// CallTime is that of the servers that stock clients know (facts WIRE §7.3).
var defaultLimits = Limits{
	PerToken:        Rate{PerSecond: 2500, Burst: 5000},
	PerOrganization: Rate{PerSecond: 2500, Burst: 5000},
	PerAddress:      Rate{PerSecond: 200, Burst: 1000},
	CallTime:        10 * time.Second,
}

// DefaultLimits returns the limits of a server that is told none.
func DefaultLimits() Limits { return defaultLimits }

func (l Limits) withDefaults() Limits {
	for _, r := range []struct{ rate, byDefault *Rate }{
		{&l.PerToken, &defaultLimits.PerToken}, {&l.PerOrganization, &defaultLimits.PerOrganization}, {&l.PerAddress, &defaultLimits.PerAddress},
	} {
		if *r.rate == (Rate{}) {
			*r.rate = *r.byDefault
		}
	}
	if l.CallTime == 0 {
		l.CallTime = defaultLimits.CallTime
	}
	return l
}

// requestBytes bounds a request where smallRequest would be too little. gRPC itself takes
// messages up to 4 MiB, of every method alike.
var requestBytes = map[string]int{
	"/managedcas.v1.ArtifactService/FindMissing":               128 << 10,                                   // 1000 digests of 73 bytes
	"/controlplane.v1.AttestationService/Store":                4 << 20,                                     // a signed statement with all materials
	"/controlplane.v1.AttestationService/FindOrCreateWorkflow": attestation.MaxContractBytes + smallRequest, // so that one is told how large a contract may be
	"/controlplane.v1.AttestationStateService/Save":            maxStateBytes + smallRequest,
	"/controlplane.v1.SigningService/GenerateSigningCert":      64 << 10,
}

// smallRequest bounds all other requests: names, ids, and some settings.
const smallRequest = 16 << 10

func maxRequest(method string) int {
	if n, ok := requestBytes[method]; ok {
		return n
	}
	return smallRequest
}

// limiter enforces Limits.
type limiter struct {
	limits                           Limits
	tokens, organizations, addresses *buckets
	// verified reports whether a token was good when it came last.
	verified func(token string) bool
}

func newLimiter(l Limits, verified func(string) bool) *limiter {
	l = l.withDefaults()
	return &limiter{
		limits: l, verified: verified,
		tokens: newBuckets(l.PerToken), organizations: newBuckets(l.PerOrganization), addresses: newBuckets(l.PerAddress),
	}
}

// arriving bounds a call before anybody knows whose it is: its size, its time, and how
// often its address may call without a good token.
func (l *limiter) arriving(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	from, known := network(auth.AddressOf(ctx)), l.knows(ctx)
	if err := l.admit(info.FullMethod, from, known); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.limits.CallTime)
	defer cancel()
	if err = checkSize(req, info.FullMethod); err == nil {
		resp, err = next(ctx, req)
	}
	l.settle(from, known, err)
	return resp, err
}

// arrivingStream is arriving for streams, which have no time to end in and tell their
// sizes message by message.
func (l *limiter) arrivingStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	from, known := network(auth.AddressOf(stream.Context())), l.knows(stream.Context())
	if err := l.admit(info.FullMethod, from, known); err != nil {
		return err
	}
	err := next(srv, stream)
	l.settle(from, known, err)
	return err
}

func checkSize(req any, method string) error {
	if m, ok := req.(proto.Message); ok {
		if n, most := proto.Size(m), maxRequest(method); n > most {
			return problem.New(problem.TooLarge, fmt.Sprintf("the request has %d bytes", n), fmt.Sprintf("send at most %d", most))
		}
	}
	return nil
}

// knows reports whether a call shows a token that was good when it came last.
func (l *limiter) knows(ctx context.Context) bool {
	values := metadata.ValueFromIncomingContext(ctx, auth.AuthorizationKey)
	return len(values) == 1 && l.verified(auth.Bearer(values[0]))
}

// admit lets a call in that needs no token, or one whose token is yet to be checked. Who
// has a token that was good lately does not suffer from others behind the same address.
func (l *limiter) admit(method, from string, known bool) error {
	switch {
	case strings.HasPrefix(method, "/grpc.health.v1.Health/"):
		return nil // costs nothing, and who asks restarts what does not answer
	case public(method):
		return tooOften(l.addresses.take(from), "calls without a token from this address")
	case known:
		return nil
	}
	return tooOften(l.addresses.empty(from), "calls without a good token from this address")
}

// settle has an address pay for a call that showed no good token, or was too large to be asked
// for one: who tries tokens is soon asked to wait, also who tries many at the same moment.
func (l *limiter) settle(from string, known bool, err error) {
	if err == nil {
		return
	}
	if kind := problem.KindOf(err); kind == problem.Unauthenticated || kind == problem.TooLarge && !known {
		l.addresses.charge(from)
	}
}

// calling bounds a call when it is known whose it is.
func (l *limiter) calling(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := l.called(ctx); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func (l *limiter) callingStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := l.called(stream.Context()); err != nil {
		return err
	}
	return next(srv, stream)
}

func (l *limiter) called(ctx context.Context) error {
	caller, ok := auth.CallerFrom(ctx)
	if !ok {
		return nil // a public method
	}
	noteCaller(ctx, caller)
	if err := tooOften(l.tokens.take(caller.TokenID().String()), "calls with this token"); err != nil {
		return err
	}
	if o, in := caller.Organization(); in && !caller.Instance() {
		return tooOften(l.organizations.take(o.ID.String()), "calls of this organization")
	}
	return nil
}

// overHTTP bounds requests by their address, those with a good token too: of those that may be
// many none shows one. Probes are let through, for who sends them restarts what does not answer.
func (l *limiter) overHTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			next.ServeHTTP(w, r)
			return
		}
		if err := tooOften(l.addresses.take(network(r.RemoteAddr)), "requests from this address"); err != nil {
			problem.WriteHTTP(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// tooOften is nil when there is nothing to wait for.
func tooOften(wait time.Duration, what string) error {
	if wait <= 0 {
		return nil
	}
	wait = max(wait.Round(time.Millisecond), time.Millisecond)
	return problem.New(problem.Throttled, "too many "+what, fmt.Sprintf("wait for %s and send fewer at a time", wait)).WithRetryAfter(wait)
}
