package cas

import (
	"errors"
	"fmt"
	"mime"
	"strings"
)

// DefaultMediaType is that of an artifact of which nobody has said what it is.
const DefaultMediaType MediaType = "application/octet-stream"

const (
	// MaxMediaTypeBytes bounds a media type with its parameters: what two names of the
	// greatest length take (RFC 6838 §4.2), and little of S3's 2 KB of metadata.
	MaxMediaTypeBytes = 255
	// maxTypeName is the longest type or subtype (RFC 6838 §4.2).
	maxTypeName = 127
)

// ErrMediaType is what every failure of ParseMediaType wraps.
var ErrMediaType = errors.New("not a media type")

// MediaType says what kind of content an artifact is, in the words of whoever uploaded
// it: "application/json". It is printable ASCII in its canonical form. Empty means that
// nobody said.
type MediaType string

// ParseMediaType reads what a Content-Type header has. Empty text is no media type and no
// error, and so is the type that curl sends with whatever it is given as data.
func ParseMediaType(text string) (MediaType, error) {
	if text == "" {
		return "", nil
	}
	if len(text) > MaxMediaTypeBytes {
		return "", fmt.Errorf("%w: %d bytes, %d are allowed", ErrMediaType, len(text), MaxMediaTypeBytes)
	}
	essence, parameters, err := mime.ParseMediaType(text)
	if err != nil {
		return "", fmt.Errorf("%w: %q: %w", ErrMediaType, text, err)
	}
	name, subtype, _ := strings.Cut(essence, "/")
	if !restrictedName(name) || !restrictedName(subtype) {
		return "", fmt.Errorf("%w: %q: want type/subtype", ErrMediaType, text)
	}
	if essence == "application/x-www-form-urlencoded" {
		return "", nil
	}
	canonical := mime.FormatMediaType(essence, parameters)
	for name, value := range parameters {
		if strings.ContainsFunc(name+value, unprintable) {
			return "", fmt.Errorf("%w: %q has a parameter that is not printable", ErrMediaType, text)
		}
	}
	switch {
	case canonical == "":
		return "", fmt.Errorf("%w: %q cannot be written", ErrMediaType, text)
	case len(canonical) > MaxMediaTypeBytes: // what is not ASCII is written longer
		return "", fmt.Errorf("%w: %d bytes, %d are allowed", ErrMediaType, len(canonical), MaxMediaTypeBytes)
	}
	return MediaType(canonical), nil
}

// restrictedName holds for what RFC 6838 §4.2 calls restricted-name.
func restrictedName(name string) bool {
	return name != "" && len(name) <= maxTypeName && alphanumeric(rune(name[0])) &&
		!strings.ContainsFunc(name, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("!#$&-^_.+", r) })
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// String returns the media type, or the default one where nobody has said it.
func (m MediaType) String() string {
	if m == "" {
		return string(DefaultMediaType)
	}
	return string(m)
}

// Inert returns the media type where no browser makes more of it than data, and the
// default one otherwise. That a download is an attachment does not keep a page from
// loading it as a script or a style: its type does, together with nosniff. So everything
// is active that is not known to be otherwise.
func (m MediaType) Inert() MediaType {
	essence, _, _ := strings.Cut(string(m), ";")
	name, subtype, _ := strings.Cut(strings.TrimSpace(essence), "/")
	_, suffix, _ := cutLast(subtype, "+")
	switch {
	case suffix == "xml" || strings.HasSuffix(subtype, "html") || strings.Contains(subtype, "script"):
	case name == "audio", name == "video", name == "image" && suffix == "", name == "font":
		return m
	case name == "text" && (subtype == "plain" || subtype == "csv" || subtype == "markdown"):
		return m
	case name == "application" && (inertSubtypes[subtype] || inertSuffixes[suffix] || strings.HasPrefix(subtype, "vnd.")):
		return m
	}
	return DefaultMediaType
}

var inertSubtypes = map[string]bool{
	"octet-stream": true, "json": true, "cbor": true, "yaml": true, "toml": true, "jose": true,
	"gzip": true, "zip": true, "zstd": true, "x-tar": true, "x-bzip2": true, "x-xz": true,
}

// inertSuffixes are structured syntaxes (RFC 6839) that no browser renders or runs.
var inertSuffixes = map[string]bool{"json": true, "zip": true, "gzip": true, "cbor": true, "yaml": true}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
