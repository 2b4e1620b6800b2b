package iam

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxDocumentBytes is the largest text that Parse reads: what IAM admits as a policy
// document in a request (facts AWS §5). Quotas for stored policies are smaller and
// belong to their services.
const MaxDocumentBytes = 131_072

// ErrMalformed is what every failure of Parse wraps.
var ErrMalformed = errors.New("malformed policy")

// Parse reads a policy document of the given kind, strictly: JSON in UTF-8, every
// element known and allowed in this kind, no name twice, every value of its type.
// As in AWS, one statement may stand without its list, and so may one value.
//
// What AWS saves but nothing can ever match (an empty list of actions, a number that
// is none) is refused as well. Errors wrap ErrMalformed and say where and what.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func Parse(kind Kind, text []byte) (*Document, error) {
	if len(text) > MaxDocumentBytes {
		return nil, malformed(in("document"), "has %d bytes; at most %d are read", len(text), MaxDocumentBytes)
	}
	v, err := decodeJSON(string(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return parseDocument(kind, v)
}

func malformed(where place, format string, args ...any) error {
	return fmt.Errorf("%w: %v: %s", ErrMalformed, where, fmt.Sprintf(format, args...))
}

// place is where in a document something is wrong. It is put into words only then.
type place struct {
	statement int       // from 1; 0: in none
	path      [3]string // of elements, from outside; up to the first that is empty
}

func in(element string) place { return place{path: [3]string{element}} }

func (p place) String() string {
	words := make([]string, 0, 1+len(p.path))
	if p.statement > 0 {
		words = append(words, "Statement["+strconv.Itoa(p.statement-1)+"]")
	}
	for _, element := range p.path {
		if element != "" {
			words = append(words, clip(element))
		}
	}
	return strings.Join(words, ".")
}

func parseDocument(kind Kind, v value) (*Document, error) {
	if _, ok := grammars[kind]; !ok {
		return nil, malformed(in("document"), "%q is not a kind of policy", clip(string(kind)))
	}
	if v.kind != kindObject {
		return nil, malformed(in("document"), "is %s; a policy is an object with Version and Statement", v.kind)
	}
	doc := &Document{Version: Version2008}
	var statements *value
	for i := range v.list {
		m := &v.list[i]
		var err error
		switch m.name {
		case "Version":
			doc.Version, err = parseString(in("Version"), m)
		case "Id":
			if !grammars[kind].id {
				err = malformed(in("Id"), "is not allowed in %s policy; leave it out", article(kind))
			} else {
				doc.ID, err = parseString(in("Id"), m)
			}
		case "Statement":
			statements = m
		default:
			err = malformed(in("document"), "unknown element %q; known are Version, Id and Statement", clip(m.name))
		}
		if err != nil {
			return nil, err
		}
	}
	if doc.Version != Version2008 && doc.Version != Version2012 {
		return nil, malformed(in("Version"), "%q is not a version of the language; write %q", clip(doc.Version), Version2012)
	}
	if statements == nil {
		return nil, malformed(in("document"), "has no Statement")
	}
	return doc, parseStatements(kind, doc, *statements)
}

func parseStatements(kind Kind, doc *Document, v value) error {
	items := v.list
	if v.kind == kindObject {
		items = []value{v}
	} else if v.kind != kindList {
		return malformed(in("Statement"), "is %s; write a list of objects", v.kind)
	}
	if len(items) == 0 {
		return malformed(in("Statement"), "is empty; a policy has at least one statement")
	}
	p := statementParser{kind: kind, grammar: grammars[kind], variables: doc.Version == Version2012}
	var sids nameSet
	doc.Statements = make([]Statement, 0, len(items))
	for i := range items {
		p.where.statement = i + 1
		st, err := p.parse(&items[i])
		if err != nil {
			return err
		}
		if p.grammar.strictSid && st.Sid != "" && sids.add(st.Sid) != nil {
			return malformed(p.at("Sid"), "%q is already the Sid of another statement; Sids are unique within a policy", clip(st.Sid))
		}
		doc.Statements = append(doc.Statements, st)
	}
	return nil
}

func parseString(where place, v *value) (string, error) {
	if v.kind != kindString {
		return "", malformed(where, "is %s; write a string", v.kind)
	}
	return v.text, nil
}

// parseStrings reads a string or a list of strings, at least one.
func parseStrings(where place, v *value) ([]string, error) {
	items := v.list
	if v.kind != kindList {
		items = []value{*v}
	}
	if len(items) == 0 {
		return nil, malformed(where, "is empty; write at least one string")
	}
	all := make([]string, 0, len(items))
	for i := range items {
		s, err := parseString(where, &items[i])
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func article(kind Kind) string {
	if strings.ContainsRune("aeiou", rune(kind[0])) {
		return "an " + string(kind)
	}
	return "a " + string(kind)
}
