// Package org says what an organization is: the tenant of an installation.
//
// An organization has an ID, which never changes and from which every AWS name
// is derived, and a Name, which people read and may one day change. Both are
// parsed at the edge, once; from there on they travel as values that cannot be
// malformed.
package org

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
)

// ID identifies one organization: a UUID (RFC 9562). It is comparable, and safe
// as a map or cache key. The zero ID identifies nobody: IsZero reports it, and
// everything that addresses storage refuses it.
type ID struct{ b [16]byte }

// ErrID is what every failure of ParseID wraps.
var ErrID = errors.New("not an organization id")

// NewID returns a fresh random ID (UUID version 4).
func NewID() ID {
	var id ID
	// crypto/rand.Read never fails: the runtime aborts instead (Go 1.24).
	_, _ = rand.Read(id.b[:])
	id.b[6] = id.b[6]&0x0f | 0x40
	id.b[8] = id.b[8]&0x3f | 0x80
	return id
}

// ParseID reads the one accepted text form: 36 characters, lowercase hex, dashed.
// Uppercase is refused instead of folded: IAM compares session names byte by
// byte, so two spellings of one organization would be two tenants (facts AWS §4.1).
func ParseID(s string) (ID, error) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, fmt.Errorf("%w: %.64q: want a lowercase dashed UUID of 36 characters", ErrID, s)
	}
	var id ID
	hexed := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	if _, err := hex.Decode(id.b[:], []byte(hexed)); err != nil || id.String() != s {
		return ID{}, fmt.Errorf("%w: %.64q: want lowercase hexadecimal digits", ErrID, s)
	}
	if id.IsZero() {
		return ID{}, fmt.Errorf("%w: the nil UUID names nobody", ErrID)
	}
	return id, nil
}

// String returns the canonical form: lowercase, dashed, 36 characters.
func (id ID) String() string {
	h := id.Compact()
	return h[0:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:32]
}

// Compact returns the 32 hexadecimal digits without dashes, for names that must
// be short (an access point name has 50 characters; facts AWS §1.1).
func (id ID) Compact() string { return hex.EncodeToString(id.b[:]) }

// IsZero reports whether id is the zero value, which identifies nobody.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders ids as their texts are ordered.
func (id ID) Compare(other ID) int { return bytes.Compare(id.b[:], other.b[:]) }

// MarshalText implements encoding.TextMarshaler with the canonical form.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts what ParseID does.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
