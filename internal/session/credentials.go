package session

import (
	"log/slog"
	"time"
)

// Credentials are what STS issues for one session. They live in memory only
// (DESIGN I11) and print as their access key id alone.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expires         time.Time
	// Packed is how much of the space that STS has for session policies and tags they
	// take, in percent; 0 when it did not say.
	Packed int
}

// LogValue keeps the secret parts out of logs.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("accessKeyId", c.AccessKeyID), slog.Time("expires", c.Expires))
}

// String returns the access key id: credentials formatted by accident leak nothing.
func (c Credentials) String() string { return "session credentials " + c.AccessKeyID }

// GoString is String: %#v must not print secrets either.
func (c Credentials) GoString() string { return c.String() }
