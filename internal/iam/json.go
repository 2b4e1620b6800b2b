package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a text. A policy needs five levels, a question
// that holds policies nine.
const maxDepth = 16

// value is a JSON value that keeps what encoding/json forgets: the order of an
// object's members, and that a name occurs twice.
type value struct {
	kind    valueKind
	text    string // of a string, number or boolean
	list    []value
	members []member
}

type member struct {
	name  string
	value value
}

type valueKind string

const (
	kindNull   valueKind = "null"
	kindString valueKind = "a string"
	kindNumber valueKind = "a number"
	kindBool   valueKind = "a boolean"
	kindList   valueKind = "a list"
	kindObject valueKind = "an object"
)

// decodeJSON reads exactly one JSON value in UTF-8. A name that occurs twice in one
// object is an error: readers disagree about which of the two counts, and a policy
// must mean the same to all of them.
func decodeJSON(text []byte) (value, error) {
	if !utf8.Valid(text) {
		return value{}, errors.New("text is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := decodeValue(dec, 0)
	if err != nil {
		return value{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return value{}, errors.New("text goes on after the end of the JSON value")
	}
	return v, nil
}

func decodeValue(dec *json.Decoder, depth int) (value, error) {
	token, err := nextToken(dec)
	if err != nil {
		return value{}, err
	}
	switch t := token.(type) {
	case json.Delim:
		if depth == maxDepth {
			return value{}, fmt.Errorf("JSON is nested more than %d levels deep", maxDepth)
		}
		if t == '[' {
			return decodeList(dec, depth+1)
		}
		return decodeObject(dec, depth+1)
	case string:
		return value{kind: kindString, text: t}, nil
	case json.Number:
		return value{kind: kindNumber, text: t.String()}, nil
	case bool:
		return value{kind: kindBool, text: fmt.Sprint(t)}, nil
	default:
		return value{kind: kindNull}, nil
	}
}

func decodeList(dec *json.Decoder, depth int) (value, error) {
	v := value{kind: kindList}
	for dec.More() {
		item, err := decodeValue(dec, depth)
		if err != nil {
			return value{}, err
		}
		v.list = append(v.list, item)
	}
	_, err := nextToken(dec)
	return v, err
}

func decodeObject(dec *json.Decoder, depth int) (value, error) {
	v := value{kind: kindObject}
	seen := map[string]bool{}
	for dec.More() {
		token, err := nextToken(dec)
		if err != nil {
			return value{}, err
		}
		name, _ := token.(string) // the decoder admits only strings as names
		if seen[name] {
			return value{}, fmt.Errorf("%q occurs twice in one object", clip(name))
		}
		seen[name] = true
		item, err := decodeValue(dec, depth)
		if err != nil {
			return value{}, err
		}
		v.members = append(v.members, member{name, item})
	}
	_, err := nextToken(dec)
	return v, err
}

func nextToken(dec *json.Decoder) (json.Token, error) {
	token, err := dec.Token()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("JSON ends too early")
	}
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	return token, nil
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
