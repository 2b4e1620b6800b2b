package registry

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/org"
)

// Role is what a user may do in an organization. Each role may do what the ones before it
// may.
type Role string

// The roles, from the least to the greatest.
const (
	Viewer      Role = "viewer"      // sees and downloads
	Contributor Role = "contributor" // uploads too
	Member      Role = "member"      // the same here; existing clients know the word
	Admin       Role = "admin"       // members, tokens, storage backends
	Owner       Role = "owner"       // other owners, and the end of the organization
)

// Roles are all roles, from the least to the greatest.
var Roles = []Role{Viewer, Contributor, Member, Admin, Owner}

// AtLeast reports whether r may do all that other may. What is no role may nothing.
func (r Role) AtLeast(other Role) bool {
	mine, needed := slices.Index(Roles, r), slices.Index(Roles, other)
	return mine >= 0 && needed >= 0 && mine >= needed
}

// ErrLastOwner means that an organization would be left without an owner.
var ErrLastOwner = errors.New("the organization would have no owner")

// Identity is what an identity provider says of somebody who signs in. Issuer and Subject
// tell who it is; everything else may change (OpenID Connect Core §5.7).
type Identity struct {
	Issuer, Subject     string
	Email               string
	EmailVerified       bool // the provider has seen that the address is theirs
	FirstName, LastName string
}

// User is somebody who has signed in.
type User struct {
	ID uuid.UUID
	Identity
	InstanceAdmin bool   // administers the installation, as an instance token does
	Current       org.ID // the organization of calls that name none; zero: none
	CreatedAt     time.Time
	UpdatedAt     time.Time
	SignedInAt    time.Time // the last time
}

// Name is how people know the user: the address, or else the subject. One that nobody has
// verified may be another's, and says so wherever it is shown.
func (u User) Name() string {
	switch {
	case u.Email == "":
		return u.Subject
	case !u.EmailVerified:
		return u.Email + " (unverified)"
	}
	return u.Email
}

// Has reports whether the address is the user's, as far as their provider has seen to it.
// Addresses are compared as FoldAddress has them.
func (u User) Has(email string) bool {
	return u.EmailVerified && u.Email != "" && FoldAddress(u.Email) == FoldAddress(email)
}

// FoldAddress returns an address as it is compared: with the letters of ASCII in lower case,
// and no others. By Unicode's rules the Kelvin sign is a k, and the long s an s: whoever has
// an address with one of them would have somebody else's.
func FoldAddress(email string) string {
	folded := []byte(email)
	for i, c := range folded {
		if 'A' <= c && c <= 'Z' {
			folded[i] = c + 'a' - 'A'
		}
	}
	return string(folded)
}

// MaxOwned is how many living organizations somebody may own and make another one, unless
// they administer the installation: each takes one of the 10,000 access points of a Region
// (facts AWS §1.1), which are everybody's.
const MaxOwned = 100

// Membership is a user's role in an organization.
type Membership struct {
	ID        uuid.UUID
	Org       org.ID
	User      uuid.UUID
	Role      Role
	CreatedAt time.Time
	UpdatedAt time.Time
}

// NewMembership returns a membership that begins now.
func NewMembership(id org.ID, user uuid.UUID, role Role, now time.Time) Membership {
	return Membership{ID: uuid.New(), Org: id, User: user, Role: role, CreatedAt: now, UpdatedAt: now}
}

// MaxInvitations bounds the open invitations of an organization.
const MaxInvitations = 1000

// Invitation lets the owner of an address become a member.
type Invitation struct {
	ID         uuid.UUID
	Org        org.ID
	Email      string
	Role       Role
	InvitedBy  string // a subject, for people and for audit
	CreatedAt  time.Time
	ExpiresAt  time.Time
	AcceptedAt time.Time // zero: not yet
	RevokedAt  time.Time // zero: not revoked
}

// Open reports whether the invitation can be accepted at now.
func (i Invitation) Open(now time.Time) bool {
	return i.AcceptedAt.IsZero() && i.RevokedAt.IsZero() && now.Before(i.ExpiresAt)
}

// MaxLogins bounds the living logins of a user. One more ends the oldest.
const MaxLogins = 100

// Login is the record of a token that a user got by signing in. The token itself is not
// in it.
type Login struct {
	ID         uuid.UUID // the token's jti
	Sum        [sha256.Size]byte
	User       uuid.UUID
	Client     string // what they signed in with: "browser", or the name of a machine
	CreatedAt  time.Time
	ExpiresAt  time.Time
	RevokedAt  time.Time // zero: not revoked
	LastUsedAt time.Time // zero: never; kept to the minute
}

// Matches reports whether text is the token of this record, in constant time.
func (l Login) Matches(text string) bool {
	sum := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(sum[:], l.Sum[:]) == 1
}

// UserMembership is a membership with its user.
type UserMembership struct {
	Membership
	User User
}

// MemberFilter narrows a list of members; what is zero narrows nothing.
type MemberFilter struct {
	Membership uuid.UUID
	Role       Role
	Email      string // the whole address, in any case
	Name       string // part of the name, in any case
}
