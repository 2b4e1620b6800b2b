package audit

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/google/uuid"
)

// Kind says what a subject is.
type Kind string

// The kinds of subjects.
const (
	InstanceToken     Kind = "instance_token"
	OrganizationToken Kind = "organization_token"
	Pipeline          Kind = "pipeline" // a CI job, by its federated identity
	User              Kind = "user"
	CASToken          Kind = "cas_token" // its subject is that of the API token it was made with
	System            Kind = "system"    // the installation itself: its reconciler, its operator's commands
	Unknown           Kind = "unknown"   // nobody that is known
)

// Origin is who asked for something, and from where.
type Origin struct {
	Kind    Kind
	Subject string // name/UUID of a token, id of a user; no secret
	// RemoteIP is the address that the connection came from. What headers say of others
	// before it is not believed.
	RemoteIP  string
	UserAgent string
	RequestID string
}

// system is the origin of what nobody asked for over the network.
var system = Origin{Kind: System, Subject: "managedcasd"}

type originKey struct{}

// WithOrigin returns a context of what origin asked for. It says who did something, and
// never to which organization: that is an argument (DESIGN I1).
func WithOrigin(ctx context.Context, origin Origin) context.Context {
	return context.WithValue(ctx, originKey{}, origin)
}

// OriginFrom returns who asked for what is done in ctx: the installation itself, unless
// somebody else is known.
func OriginFrom(ctx context.Context) Origin {
	if origin, ok := ctx.Value(originKey{}).(Origin); ok {
		return origin
	}
	return system
}

// Address returns the IP address of a connection's remote end, host:port.
func Address(remote string) string {
	if at, err := netip.ParseAddrPort(remote); err == nil {
		return at.Addr().Unmap().WithZone("").String()
	}
	return ""
}

// Stranger is the origin of a request before anybody knows who makes it.
func Stranger(r *http.Request) Origin {
	return Origin{Kind: Unknown, RemoteIP: Address(r.RemoteAddr), UserAgent: r.UserAgent(), RequestID: uuid.NewString()}
}

func (o Origin) clean() Origin {
	if o.Kind == "" {
		o.Kind = Unknown
	}
	o.Subject = cleanSubject(o.Subject)
	for _, text := range []*string{&o.RemoteIP, &o.UserAgent, &o.RequestID} {
		*text = Clean(*text)
	}
	return o
}
