package registry

import (
	"log/slog"
	"time"
)

// KeyUse says what a signing key signs.
type KeyUse string

// The uses of signing keys. A key serves one of them, so that a token of one kind
// can never pass for the other.
const (
	// KeyUseAPI signs API tokens, which only the control plane verifies.
	KeyUseAPI KeyUse = "api"
	// KeyUseCAS signs CAS tokens; its public half is published.
	KeyUseCAS KeyUse = "cas"
)

// SigningKey is a key of the installation itself. It is no AWS credential (DESIGN
// I11) and must survive restarts: without it every token that is out would die.
type SigningKey struct {
	ID        string // the kid
	Use       KeyUse
	PKCS8     []byte // private key, DER
	SPKI      []byte // public key, DER; empty in rows of early versions
	CreatedAt time.Time
	SignsFrom time.Time // zero: since it was made; it verifies before
	RetiredAt time.Time // zero: in use; it may still come, and a retired key still verifies
}

// Begins returns when the key begins to sign.
func (k SigningKey) Begins() time.Time {
	if k.SignsFrom.IsZero() {
		return k.CreatedAt
	}
	return k.SignsFrom
}

// Void reports whether the key counts for nothing: it was retired before it began, because
// another one came in its place or because it was revoked, which is stored the same way.
func (k SigningKey) Void() bool { return !k.RetiredAt.IsZero() && !k.RetiredAt.After(k.Begins()) }

// LogValue keeps the private half out of logs.
func (k SigningKey) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kid", k.ID), slog.String("use", string(k.Use)))
}

// String returns the kid: a key formatted by accident leaks nothing.
func (k SigningKey) String() string { return "signing key " + k.ID }

// GoString is String.
func (k SigningKey) GoString() string { return k.String() }
