package auth

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
)

// Caller is who makes a call. Only this package makes one, out of a verified token.
// The zero Caller is nobody, and may do nothing.
type Caller struct {
	tokenID   uuid.UUID
	tokenName string
	instance  bool
	org       org.Organization
	named     bool
}

// Known reports whether the caller is anybody at all.
func (c Caller) Known() bool { return c.tokenID != uuid.Nil }

// TokenID returns the id of the token, for logs and audit.
func (c Caller) TokenID() uuid.UUID { return c.tokenID }

// TokenName returns the name that the token was given.
func (c Caller) TokenName() string { return c.tokenName }

// Subject names the token for people and for audit: its name, which may be given again
// when it is revoked, and its id, which never is. It is no secret.
func (c Caller) Subject() string { return c.tokenName + "/" + c.tokenID.String() }

// Instance reports whether the caller administers the installation.
func (c Caller) Instance() bool { return c.instance }

// Organization returns the organization that the caller acts in; false when it acts
// in none, which only an instance token can.
func (c Caller) Organization() (org.Organization, bool) { return c.org, !c.org.ID.IsZero() }

// Named reports whether the call itself named the organization, and did not leave
// it to the token.
func (c Caller) Named() bool { return c.named }

// LogValue identifies the caller in logs.
func (c Caller) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("token", c.tokenID.String()), slog.Bool("instance", c.instance)}
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
