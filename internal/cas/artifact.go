package cas

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/org"
)

// Ref names one artifact of one organization. There is no artifact without an
// organization: the same bytes in two organizations are two artifacts.
type Ref struct {
	Org    org.ID
	Digest digest.Digest
	// Backend is the organization's own bucket that has it; Nil: the managed storage.
	Backend uuid.UUID
}

// Errors of a Store, besides those of packages cloud, session and digest. Problem
// says what a client is told of each.
var (
	// ErrNotFound: the organization has no such artifact.
	ErrNotFound = errors.New("no such artifact")
	// ErrTooLarge: more bytes than the token, the server or S3 allows.
	ErrTooLarge = errors.New("artifact too large")
	// ErrCorrupt: what is stored does not hash to its address.
	ErrCorrupt = errors.New("the stored content is corrupt")
	// ErrIncomplete: the client stopped before it had sent everything.
	ErrIncomplete = errors.New("incomplete upload")
	// ErrName is what every failure of ParseFileName wraps.
	ErrName = errors.New("not a usable file name")
)

// MaxFileNameBytes is the longest file name in bytes of UTF-8: the limit of the
// common file systems, and well inside S3's 2 KB of metadata when escaped.
const MaxFileNameBytes = 255

// FileName is the name that an artifact was uploaded under: one path element,
// without control characters. Empty means that it has none.
type FileName string

// ParseFileName refuses what could escape a directory, break a header or confuse a
// terminal. It changes nothing: a refused name is reported, not repaired.
func ParseFileName(s string) (FileName, error) {
	switch {
	case len(s) > MaxFileNameBytes:
		return "", fmt.Errorf("%w: %d bytes, %d are allowed", ErrName, len(s), MaxFileNameBytes)
	case !utf8.ValidString(s):
		return "", fmt.Errorf("%w: %q is not UTF-8", ErrName, s)
	case strings.ContainsAny(s, `/\`):
		return "", fmt.Errorf("%w: %q contains a path separator; send the base name", ErrName, s)
	case s == "." || s == "..":
		return "", fmt.Errorf("%w: %q names a directory", ErrName, s)
	case strings.ContainsFunc(s, unprintable):
		return "", fmt.Errorf("%w: %q contains a control or formatting character", ErrName, s)
	}
	return FileName(s), nil
}

// unprintable holds for control characters and for invisible formatting ones, among
// them the bidirectional overrides that make "gpj.exe" look like "exe.jpg". The two
// joiners are no decoration: Persian words and many emoji are written with them, and
// Unicode allows them in identifiers (UAX #31 §2.3).
func unprintable(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d'
	if r == zeroWidthNonJoiner || r == zeroWidthJoiner {
		return false
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Label is what is kept of an artifact beside its content. What the client says in it is
// believed by nobody: the digest alone says what the artifact is.
type Label struct {
	FileName  FileName  // empty: none
	MediaType MediaType // empty: nobody said
	Uploader  string    // not the client's word but the Subject of its Grant; may be empty
}

// Info describes a stored artifact.
type Info struct {
	Digest    digest.Digest
	Size      int64
	FileName  FileName // empty when it was uploaded without one
	MediaType MediaType
	Uploader  string // empty: unknown
	StoredAt  time.Time
	KMSKeyARN string // for operators; never sent to clients (DESIGN I10)
	ETag      string // S3's, which names one version of the object; not for clients either
}

// Artifact is an artifact, or a part of it, that is being read. The content ends with
// io.EOF only if it is Part to the byte and, where that is the whole, its digest agreed;
// otherwise the last byte never comes. Close it.
type Artifact struct {
	io.ReadCloser
	Info Info  // of the whole
	Part Range // what is read: offset and exact length
}

// Whole reports whether everything is read, and therefore verified.
func (a *Artifact) Whole() bool { return a.Part == Range{Length: a.Info.Size} }
