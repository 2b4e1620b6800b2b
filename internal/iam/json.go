package iam

import (
	"errors"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a text. A policy needs five levels.
const maxDepth = 16

// value is a JSON value that keeps what encoding/json forgets: the order of an
// object's members, and that a name occurs twice.
type value struct {
	kind valueKind
	name string  // of a member of an object
	text string  // of a string, number or boolean
	list []value // elements of a list, members of an object
}

type valueKind uint8

const (
	kindNull valueKind = iota
	kindString
	kindNumber
	kindBool
	kindList
	kindObject
)

func (k valueKind) String() string {
	return [...]string{"null", "a string", "a number", "a boolean", "a list", "an object"}[k]
}

// decodeJSON reads exactly one JSON value in UTF-8, as encoding/json does (a test
// compares the two). A name that occurs twice in one object is an error: readers
// disagree about which of the two counts, and a policy must mean the same to all of
// them. The strings of the value share the memory of text.
func decodeJSON(text string) (value, error) {
	s := scanner{text: text}
	return s.decode()
}

func (s *scanner) decode() (value, error) {
	if !utf8.ValidString(s.text) {
		return value{}, errNotUTF8
	}
	v, err := s.value(0)
	if err != nil {
		return value{}, err
	}
	return v, s.end()
}

// has reports whether an object has a member of this name.
func (v value) has(name string) bool {
	if v.kind != kindObject {
		return false
	}
	for i := range v.list {
		if v.list[i].name == name {
			return true
		}
	}
	return false
}

// scalar returns the text of a string, number or boolean.
func (v value) scalar() (string, bool) {
	return v.text, v.kind == kindString || v.kind == kindNumber || v.kind == kindBool
}

// clip bounds what a foreign text may add to an error message.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

var (
	errNotUTF8  = errors.New("text is not UTF-8")
	errTooEarly = errors.New("JSON ends too early")
)
