package cas

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
)

// Role is what a CAS token lets its bearer do.
type Role string

// The roles of a CAS token (facts WIRE §4).
const (
	Uploader   Role = "uploader"
	Downloader Role = "downloader"
)

// ErrForbidden means that a grant does not cover what was asked.
var ErrForbidden = errors.New("the token does not allow this")

// Grant is what a verified CAS token says. The organization of every request comes
// from here (DESIGN I1).
type Grant struct {
	Org      org.ID
	Role     Role
	Digest   digest.Digest // zero: any digest; otherwise this one only
	MaxBytes int64         // of an upload; 0: the server's limit
	TokenID  string        // jti, for logs and audit
	Backend  uuid.UUID     // the organization's own bucket that it is for; Nil: the managed storage
	Subject  string        // who asked for the token, for the catalogue and audit; may be empty
}

// Upload returns the ref that the grant allows to be written, and the most bytes it
// may have given the server's own limit.
func (g Grant) Upload(d digest.Digest, serverMax int64) (Ref, int64, error) {
	ref, err := g.ref(d, Uploader)
	if g.MaxBytes > 0 && g.MaxBytes < serverMax {
		serverMax = g.MaxBytes
	}
	return ref, serverMax, err
}

// Download returns the ref that the grant allows to be read.
func (g Grant) Download(d digest.Digest) (Ref, error) { return g.ref(d, Downloader) }

// Describe returns the ref whose existence and size the grant may learn. Either role
// may: an uploader asks before it uploads (facts WIRE §4).
func (g Grant) Describe(d digest.Digest) (Ref, error) {
	if g.Role == Uploader {
		return g.ref(d, Uploader)
	}
	return g.ref(d, Downloader)
}

func (g Grant) ref(d digest.Digest, need Role) (Ref, error) {
	switch {
	case g.Org.IsZero():
		return Ref{}, fmt.Errorf("%w: it names no organization", ErrForbidden)
	case d.IsZero():
		return Ref{}, ErrNotFound // no content has this digest
	case g.Role != need:
		return Ref{}, fmt.Errorf("%w: it is for the role %q, this needs %q", ErrForbidden, g.Role, need)
	case !g.Digest.IsZero() && g.Digest != d:
		return Ref{}, fmt.Errorf("%w: it is bound to another artifact", ErrForbidden)
	}
	return Ref{Org: g.Org, Digest: d, Backend: g.Backend}, nil
}

// MaxSubjectBytes is the longest Subject: the longest name of a token with its id.
const MaxSubjectBytes = 128

// ValidSubject holds for what a Grant may have as its Subject: printable ASCII, for it is
// shown, logged and kept beside the object.
func ValidSubject(s string) bool {
	return len(s) <= MaxSubjectBytes && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
