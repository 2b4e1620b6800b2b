package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// scanner reads JSON from the front to the end of a text.
type scanner struct {
	text string
	at   int
	valueRoom
}

// valueRoom is where the elements of values stand.
type valueRoom struct {
	open []value // of the lists and objects that are not at their end
	done []value // of those that are; full, it is left to them, and another one begun
}

// close takes what stands in open from begun on; that is now a list of its own.
func (r *valueRoom) close(begun int) []value {
	items := r.open[begun:]
	if r.open = r.open[:begun]; cap(r.done)-len(r.done) < len(items) {
		const some = 64 // a policy of a few statements
		r.done = make([]value, 0, max(some, len(items)))
	}
	at := len(r.done)
	r.done = append(r.done, items...)
	return r.done[at:len(r.done):len(r.done)]
}

func (s *scanner) value(depth int) (value, error) {
	switch c := s.next(); c {
	case '{', '[':
		if depth == maxDepth {
			return value{}, fmt.Errorf("JSON is nested more than %d levels deep", maxDepth)
		}
		if c == '[' {
			return s.list(depth + 1)
		}
		return s.object(depth + 1)
	case '"':
		text, err := s.string()
		return value{kind: kindString, text: text}, err
	default:
		return s.word()
	}
}

func (s *scanner) list(depth int) (value, error) {
	begun := len(s.open)
	err := s.items('[', ']', func() error {
		item, err := s.value(depth)
		s.open = append(s.open, item)
		return err
	})
	return value{kind: kindList, list: s.close(begun)}, err
}

func (s *scanner) object(depth int) (value, error) {
	begun := len(s.open)
	var names nameSet
	err := s.items('{', '}', func() error {
		name, err := s.name()
		if err != nil {
			return err
		}
		if err := names.add(name); err != nil {
			return err
		}
		item, err := s.value(depth)
		item.name = name
		s.open = append(s.open, item)
		return err
	})
	return value{kind: kindObject, list: s.close(begun)}, err
}

// items reads what stands between opening and closing, with item for each element.
func (s *scanner) items(opening, closing byte, item func() error) error {
	if err := s.take(opening); err != nil {
		return err
	}
	if s.next() == closing {
		s.at++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.next() == closing {
			s.at++
			return nil
		}
		if err := s.take(','); err != nil {
			return err
		}
	}
}

// name reads the name of a member, and the colon behind it.
func (s *scanner) name() (string, error) {
	if s.next() != '"' {
		return "", s.unexpected()
	}
	name, err := s.string()
	if err != nil {
		return "", err
	}
	return name, s.take(':')
}

// string reads the string that begins here. Without escapes it is a part of the text.
func (s *scanner) string() (string, error) {
	start := s.at + 1
	end := start
	for end < len(s.text) && plainByte[s.text[end]] {
		end++
	}
	switch {
	case end == len(s.text):
		return "", errTooEarly
	case s.text[end] == '"':
		s.at = end + 1
		return s.text[start:end], nil
	case s.text[end] == '\\':
		return s.escaped()
	}
	s.at = end
	return "", s.unexpected()
}

// plainByte tells the bytes that stand for themselves inside a string.
var plainByte = func() (plain [256]bool) {
	for c := ' '; c < 256; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// escaped reads a string with escapes, which are left to encoding/json.
func (s *scanner) escaped() (string, error) {
	raw, err := s.skip()
	if err != nil {
		return "", err
	}
	var text string
	if err := json.Unmarshal([]byte(raw), &text); err != nil {
		return "", fmt.Errorf("read JSON: %w", err)
	}
	return text, nil
}

// word reads a number, true, false or null.
func (s *scanner) word() (value, error) {
	raw, err := s.skip()
	if err != nil {
		return value{}, err
	}
	switch {
	case raw == "null":
		return value{kind: kindNull}, nil
	case raw == "true" || raw == "false":
		return value{kind: kindBool, text: raw}, nil
	case json.Valid([]byte(raw)):
		return value{kind: kindNumber, text: raw}, nil
	}
	return value{}, fmt.Errorf("read JSON: %q is not a value", clip(raw))
}

// skip returns the text of the value that begins here. It finds the end of every
// valid value; whether it is one is for a reader of the result to say.
func (s *scanner) skip() (string, error) {
	start, depth := s.at, 0
	for i := start; i < len(s.text); i++ {
		switch s.text[i] {
		case '"':
			if i = closingQuote(s.text, i+1); i < 0 {
				return "", errTooEarly
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth--; depth < 0 {
				return s.until(start, i)
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.until(start, i)
			}
			continue
		default:
			continue
		}
		if depth == 0 && (s.text[start] == '"' || s.text[start] == '{' || s.text[start] == '[') {
			return s.until(start, i+1)
		}
	}
	if depth > 0 {
		return "", errTooEarly
	}
	return s.until(start, len(s.text))
}

// closingQuote returns where the string ends whose content begins at i; -1: nowhere.
func closingQuote(text string, i int) int {
	quote := indexByteFrom(text, i, '"')
	for quote >= 0 {
		escape := strings.IndexByte(text[i:quote], '\\')
		if escape < 0 {
			return quote
		}
		if i += escape + 2; i > quote { // it is the quote that is escaped
			quote = indexByteFrom(text, i, '"')
		}
	}
	return -1
}

func indexByteFrom(text string, from int, c byte) int {
	if at := strings.IndexByte(text[from:], c); at >= 0 {
		return from + at
	}
	return -1
}

func (s *scanner) until(start, end int) (string, error) {
	s.at = end
	if start < end {
		return s.text[start:end], nil
	}
	return "", s.unexpected()
}

// next returns the next byte that is not white space, without taking it; 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
		default:
			return s.text[s.at]
		}
	}
	return 0
}

func (s *scanner) take(c byte) error {
	if s.next() != c {
		return s.unexpected()
	}
	s.at++
	return nil
}

func (s *scanner) end() error {
	if s.next(); s.at < len(s.text) {
		return errors.New("text goes on after the end of the JSON value")
	}
	return nil
}

func (s *scanner) unexpected() error {
	if s.at >= len(s.text) {
		return errTooEarly
	}
	r, _ := utf8.DecodeRuneInString(s.text[s.at:])
	return fmt.Errorf("read JSON: unexpected %q after %d bytes", r, s.at)
}
