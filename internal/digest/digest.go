// Package digest holds the address of an artifact: the sha256 of its bytes.
//
// Invariants:
//   - A Digest is always 32 bytes; no text of another shape can become one.
//   - One text form per use: "sha256:<64 lowercase hex>" for people and object
//     keys, bare hex on the ByteStream wire, base64 in S3's checksum headers.
//   - A Reader from Verify never releases the last byte of content that does not
//     hash to its digest (DESIGN I5).
package digest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Prefix is the algorithm prefix of the text form.
const Prefix = "sha256:"

// ErrDigest is what every failure to parse a digest wraps.
var ErrDigest = errors.New("not a sha256 digest")

// Digest is a sha256 value. It is comparable. The zero Digest is the all-zero
// hash, which no known content has; IsZero reports it.
type Digest struct{ b [sha256.Size]byte }

// Of returns the digest of content.
func Of(content []byte) Digest { return Digest{sha256.Sum256(content)} }

// FromSum wraps a finished sha256 sum. It fails unless sum has 32 bytes.
func FromSum(sum []byte) (Digest, error) {
	var d Digest
	if len(sum) != sha256.Size {
		return d, fmt.Errorf("%w: %d bytes, want %d", ErrDigest, len(sum), sha256.Size)
	}
	copy(d.b[:], sum)
	return d, nil
}

// Parse reads "sha256:<64 lowercase hex>", the form in which people, object keys
// and APIs carry a digest.
func Parse(s string) (Digest, error) {
	rest, ok := strings.CutPrefix(s, Prefix)
	if !ok {
		return Digest{}, fmt.Errorf("%w: %.80q: want %s followed by 64 lowercase hexadecimal digits", ErrDigest, s, Prefix)
	}
	return ParseHex(rest)
}

// ParseHex reads 64 lowercase hexadecimal digits, the form of ByteStream resource
// names (facts WIRE §5.2). Uppercase is refused: one content has one address.
func ParseHex(s string) (Digest, error) {
	var d Digest
	if len(s) != hex.EncodedLen(sha256.Size) {
		return d, fmt.Errorf("%w: %.80q: %d characters, want 64 lowercase hexadecimal digits", ErrDigest, s, len(s))
	}
	if _, err := hex.Decode(d.b[:], []byte(s)); err != nil || d.Hex() != s {
		return Digest{}, fmt.Errorf("%w: %.80q: want 64 lowercase hexadecimal digits", ErrDigest, s)
	}
	return d, nil
}

// String returns "sha256:<hex>".
func (d Digest) String() string { return Prefix + d.Hex() }

// Hex returns the 64 lowercase hexadecimal digits alone. It is also the value of
// SigV4's x-amz-content-sha256 for a request whose body is the artifact.
func (d Digest) Hex() string { return hex.EncodeToString(d.b[:]) }

// Base64 returns the value of S3's x-amz-checksum-sha256 header (facts AWS §7.1).
func (d Digest) Base64() string { return base64.StdEncoding.EncodeToString(d.b[:]) }

// IsZero reports whether d is the zero value.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText implements encoding.TextMarshaler with the String form.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts what Parse does.
func (d *Digest) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
