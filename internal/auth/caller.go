package auth

import (
	"context"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// Kind is what kind of caller makes a call.
type Kind int

// The kinds of caller. The zero Kind is nobody.
const (
	Nobody            Kind = iota
	InstanceToken          // an API token of the installation
	OrganizationToken      // an API token of one organization
	PipelineToken          // what a CI pipeline got for its provider's token
	UserLogin              // somebody who has signed in
)

var kinds = [...]string{"nobody", "instance token", "organization token", "pipeline", "user"}

// String names the kind in logs and in the audit log.
func (k Kind) String() string { return kinds[k] }

// Caller is who makes a call. Only this package makes one, out of a verified token.
// The zero Caller is nobody, and may do nothing.
type Caller struct {
	kind      Kind
	tokenID   uuid.UUID
	tokenName string
	trust     uuid.UUID     // of a PipelineToken
	external  string        // of a PipelineToken: what its provider calls it
	user      registry.User // of a UserLogin
	role      registry.Role // of a UserLogin in org; "": no member
	org       org.Organization
	named     bool
}

// Kind returns what kind of caller it is.
func (c Caller) Kind() Kind { return c.kind }

// Known reports whether the caller is anybody at all.
func (c Caller) Known() bool { return c.kind != Nobody }

// TokenID returns the id of the token, for logs and audit.
func (c Caller) TokenID() uuid.UUID { return c.tokenID }

// TokenName returns the name that the token was given; of a user, the client's.
func (c Caller) TokenName() string { return c.tokenName }

// Subject names the caller for people and for audit, and is no secret: a token by its name,
// which may be given again when it is revoked, and its id, which never is; a user by
// address and id, a pipeline by its trust and by what its provider calls it.
func (c Caller) Subject() string {
	name, id := c.names()
	return name + "/" + id.String()
}

// names returns what people call the caller, and what it never shares with another one.
func (c Caller) names() (string, uuid.UUID) {
	switch c.kind {
	case UserLogin:
		return c.user.Name(), c.user.ID
	case PipelineToken:
		return c.tokenName + ":" + c.external, c.trust
	}
	return c.tokenName, c.tokenID
}

// GrantSubject is Subject as a grant may have it (cas.ValidSubject), which is kept beside
// objects: an address or a branch may be longer, or not be ASCII. The name is cut and cleaned
// then; the id stays whole.
func (c Caller) GrantSubject() string {
	name, id := c.names()
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
	end := "/" + id.String()
	if most := cas.MaxSubjectBytes - len(end); len(ascii) > most {
		ascii = ascii[:most-len(cutMark)] + cutMark
	}
	return ascii + end
}

// cutMark is where a name goes on that was too long.
const cutMark = "..."

// User returns who has signed in; false for tokens.
func (c Caller) User() (registry.User, bool) { return c.user, c.kind == UserLogin }

// Role returns a user's role in the organization that the caller acts in: "" for one who is
// no member, and for tokens.
func (c Caller) Role() registry.Role { return c.role }

// Instance reports whether the caller administers the installation.
func (c Caller) Instance() bool {
	return c.kind == InstanceToken || c.kind == UserLogin && c.user.InstanceAdmin
}

// Organization returns the organization that the caller acts in; false when it acts
// in none, which only an instance token can.
func (c Caller) Organization() (org.Organization, bool) { return c.org, !c.org.ID.IsZero() }

// Named reports whether the call itself named the organization, and did not leave
// it to the token.
func (c Caller) Named() bool { return c.named }

// LogValue identifies the caller in logs.
func (c Caller) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", c.kind.String()), slog.String("token", c.tokenID.String())}
	if c.kind == UserLogin {
		attrs = append(attrs, slog.String("user", c.user.ID.String()))
	}
	if o, ok := c.Organization(); ok {
		attrs = append(attrs, slog.String("org", o.ID.String()))
	}
	return slog.GroupValue(attrs...)
}

type callerKey struct{}

// CallerFrom returns the caller that an interceptor found; false on calls that need
// no token.
func CallerFrom(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}
