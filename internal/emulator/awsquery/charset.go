package awsquery

import (
	"strings"
	"unicode"
)

// TagKey are the limits of a tag's key.
var TagKey = Limits{Required: true, Min: 1, Max: 128, Match: tagText, Pattern: `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`}

// Name returns the limits of a required name of min to max characters: letters,
// digits and _+=,.@- in ASCII.
func Name(min, max int) Limits {
	return Limits{Required: true, Min: min, Max: max, Match: NameText, Pattern: `[\w+=,.@-]*`}
}

// Optional returns the limits for a parameter that may be left out.
func (l Limits) Optional() Limits {
	l.Required = false
	return l
}

// NameText reports whether s has only the characters of a name.
func NameText(s string) bool { return only(s, "_+=,.@-") }

// ExternalIDText reports whether s has only the characters of an external ID.
func ExternalIDText(s string) bool { return only(s, "_+=,.@:/-") }

// only reports whether s is of ASCII letters, digits and the characters of more.
func only(s, more string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case strings.ContainsRune(more, r):
		default:
			return false
		}
	}
	return true
}

func tagText(s string) bool {
	for _, r := range s {
		if !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r) {
			return false
		}
	}
	return true
}

// PolicyText reports whether s has only the characters of a policy document: tab,
// line feed, carriage return and U+0020 to U+00FF.
func PolicyText(s string) bool {
	for _, r := range s {
		if r != '\t' && r != '\n' && r != '\r' && (r < 0x20 || r > 0xFF) {
			return false
		}
	}
	return true
}
