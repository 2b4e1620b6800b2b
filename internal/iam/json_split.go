package iam

import (
	"fmt"
	"slices"
)

// splitObject returns the members of the object that text is, each with its value as
// text, not yet looked into; it appends them to fields. What known recognizes behind a
// name, in front of the rest of the text, need not be searched for its end.
func splitObject(fields []field, text string, known func(name, rest string) string) ([]field, error) {
	s := scanner{text: text}
	var names nameSet
	err := s.items('{', '}', func() error {
		name, err := s.name()
		if err != nil {
			return err
		}
		if err := names.add(name); err != nil {
			return err
		}
		f := field{name: name}
		switch c := s.next(); {
		case c == '"':
			f.raw, f.plain = s.plainString()
		case known != nil && (c == '{' || c == '['):
			f.raw = known(name, s.text[s.at:])
			s.at += len(f.raw)
		}
		if f.raw == "" {
			f.raw, err = s.skip()
		}
		fields = append(fields, f)
		return err
	})
	if err != nil {
		return fields, err
	}
	return fields, s.end()
}

// splitList returns the elements of the list that text is, as texts.
func splitList(text string) ([]string, error) {
	s := scanner{text: text}
	var all []string
	err := s.items('[', ']', func() error {
		s.next()
		raw, err := s.skip()
		all = append(all, raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, s.end()
}

// plainString takes the string that begins here, with its quotes, if it is valid and
// has no escapes.
func (s *scanner) plainString() (raw string, ok bool) {
	end := s.at + 1
	for end < len(s.text) && plainByte[s.text[end]] {
		end++
	}
	if end == len(s.text) || s.text[end] != '"' {
		return "", false
	}
	raw = s.text[s.at : end+1]
	s.at = end + 1
	return raw, true
}

// field is a member whose value is still text.
type field struct {
	name, raw string
	plain     bool // the value is a string without escapes: raw without its quotes
}

// nameSet refuses a name that it already has. Most objects are small, and then a map
// costs more than it saves; a large one must not take quadratic time.
type nameSet struct {
	few  [16]string
	n    int // used of few
	many map[string]bool
}

func (n *nameSet) add(name string) error {
	if slices.Contains(n.few[:n.n], name) || n.many[name] {
		return fmt.Errorf("%q occurs twice in one object", clip(name))
	}
	if n.n < len(n.few) {
		n.few[n.n] = name
		n.n++
		return nil
	}
	if n.many == nil {
		n.many = map[string]bool{}
	}
	n.many[name] = true
	return nil
}
