package s3api

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// keyText is a key, or a part of one, in a document. Keys may hold characters that XML 1.0
// cannot; S3 writes references to them all the same, where encoding/xml would put U+FFFD
// and so name another key
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html#object-key-xml-related-constraints).
type keyText string

// MarshalXML writes the text as an element of its own.
func (k keyText) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	if !strings.ContainsFunc(string(k), outsideXML) {
		return e.EncodeElement(string(k), start)
	}
	return e.EncodeElement(struct {
		Raw string `xml:",innerxml"`
	}{k.escaped()}, start)
}

func (k keyText) escaped() string {
	var out strings.Builder
	rest := string(k)
	for rest != "" {
		at := strings.IndexFunc(rest, outsideXML)
		if at < 0 {
			at = len(rest)
		}
		_ = xml.EscapeText(&out, []byte(rest[:at])) // a Builder takes everything
		if rest = rest[at:]; rest != "" {
			r, size := utf8.DecodeRuneInString(rest)
			fmt.Fprintf(&out, "&#x%X;", r)
			rest = rest[size:]
		}
	}
	return out.String()
}

// outsideXML reports whether XML 1.0 excludes a character (§2.2, Char).
func outsideXML(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}
