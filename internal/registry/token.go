package registry

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
)

// MaxTokens bounds the living API tokens of an organization, and those of the installation:
// the clients that list them know of no pages, and 1000 are 300 KiB. One that has expired
// lives until it is revoked, and has its name as long.
const MaxTokens = 1000

// Token is the record of an API token. The token itself is not in it: who reads
// the database cannot act as its holders.
type Token struct {
	ID         uuid.UUID // the token's jti
	Sum        [sha256.Size]byte
	Org        org.ID // zero: an instance token, which acts in any organization
	Name       string
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	RevokedAt  time.Time // zero: not revoked
	LastUsedAt time.Time // zero: never; kept to the minute
}

// Instance reports whether the token belongs to the installation and not to one
// organization.
func (t Token) Instance() bool { return t.Org.IsZero() }

// Matches reports whether text is the token of this record. It takes the same time
// wherever the two differ.
func (t Token) Matches(text string) bool {
	sum := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(sum[:], t.Sum[:]) == 1
}

// Revoked reports whether the token was taken back.
func (t Token) Revoked() bool { return !t.RevokedAt.IsZero() }

// Expired reports whether the token's time is over at now.
func (t Token) Expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }
