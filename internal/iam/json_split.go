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
		if c := s.next(); known != nil && (c == '{' || c == '[') {
			if raw := known(name, s.text[s.at:]); raw != "" {
				fields = append(fields, field{name, raw})
				s.at += len(raw)
				return nil
			}
		}
		raw, err := s.skip()
		fields = append(fields, field{name, raw})
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

// plainString returns the string that raw, found by skip, is, if that is as it stands:
// without escapes, and valid.
func plainString(raw string) (string, bool) {
	if raw[0] != '"' {
		return "", false
	}
	for i := 1; i < len(raw)-1; i++ {
		if !plainByte[raw[i]] {
			return "", false
		}
	}
	return raw[1 : len(raw)-1], true
}

// field is a member whose value is still text.
type field struct{ name, raw string }

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
