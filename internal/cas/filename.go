package cas

import (
	"path"
	"strings"
	"unicode/utf8"
)

// CleanFileName makes a usable file name of any text. It keeps what ParseFileName accepts.
// Of a path it takes the last element, as recipients of names are told to (RFC 6266 §4.3),
// puts "_" for what would break a header, confuse a terminal or deceive a reader, and cuts
// what is too long before its extension. What names a directory is no name.
func CleanFileName(text string) FileName {
	if i := strings.LastIndexAny(text, `/\`); i >= 0 {
		text = text[i+1:]
	}
	text = strings.Map(func(r rune) rune {
		if unprintable(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(text, "_"))
	if extension := path.Ext(text); len(text) > MaxFileNameBytes {
		if len(extension) > maxExtensionBytes {
			extension = ""
		}
		text = cutTo(text, MaxFileNameBytes-len(extension)) + extension
	}
	if text == "." || text == ".." {
		return ""
	}
	return FileName(text)
}

// maxExtensionBytes is the longest extension that a name is shortened in front of.
const maxExtensionBytes = 16

// cutTo returns the first bytes of text, at most n, without cutting a character.
func cutTo(text string, n int) string {
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
