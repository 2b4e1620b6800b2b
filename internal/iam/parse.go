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
		return nil, malformed("document", "has %d bytes; at most %d are read", len(text), MaxDocumentBytes)
	}
	v, err := decodeJSON(string(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return parseDocument(kind, v)
}

func malformed(where, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrMalformed, where, fmt.Sprintf(format, args...))
}

func parseDocument(kind Kind, v value) (*Document, error) {
	if _, ok := grammars[kind]; !ok {
		return nil, malformed("document", "%q is not a kind of policy", clip(string(kind)))
	}
	if v.kind != kindObject {
		return nil, malformed("document", "is %s; a policy is an object with Version and Statement", v.kind)
	}
	doc := &Document{Version: Version2008}
	var statements *value
	for i := range v.members {
		m := &v.members[i]
		var err error
		switch m.name {
		case "Version":
			doc.Version, err = parseString("Version", m.value)
		case "Id":
			if !grammars[kind].id {
				err = malformed("Id", "is not allowed in %s policy; leave it out", article(kind))
			} else {
				doc.ID, err = parseString("Id", m.value)
			}
		case "Statement":
			statements = &m.value
		default:
			err = malformed("document", "unknown element %q; known are Version, Id and Statement", clip(m.name))
		}
		if err != nil {
			return nil, err
		}
	}
	if doc.Version != Version2008 && doc.Version != Version2012 {
		return nil, malformed("Version", "%q is not a version of the language; write %q", clip(doc.Version), Version2012)
	}
	if statements == nil {
		return nil, malformed("document", "has no Statement")
	}
	return doc, parseStatements(kind, doc, *statements)
}

func parseStatements(kind Kind, doc *Document, v value) error {
	items := v.list
	if v.kind == kindObject {
		items = []value{v}
	} else if v.kind != kindList {
		return malformed("Statement", "is %s; write a list of objects", v.kind)
	}
	if len(items) == 0 {
		return malformed("Statement", "is empty; a policy has at least one statement")
	}
	p := statementParser{kind: kind, grammar: grammars[kind], variables: doc.Version == Version2012}
	var sids nameSet
	doc.Statements = make([]Statement, 0, len(items))
	for i, item := range items {
		p.where = "Statement[" + strconv.Itoa(i) + "]"
		st, err := p.parse(item)
		if err != nil {
			return err
		}
		if p.grammar.strictSid && st.Sid != "" && sids.add(st.Sid) != nil {
			return malformed(p.where+".Sid", "%q is already the Sid of another statement; Sids are unique within a policy", clip(st.Sid))
		}
		doc.Statements = append(doc.Statements, st)
	}
	return nil
}

func parseString(where string, v value) (string, error) {
	if v.kind != kindString {
		return "", malformed(where, "is %s; write a string", v.kind)
	}
	return v.text, nil
}

// parseStrings reads a string or a list of strings, at least one.
func parseStrings(where string, v value) ([]string, error) {
	items := v.list
	if v.kind != kindList {
		items = []value{v}
	}
	if len(items) == 0 {
		return nil, malformed(where, "is empty; write at least one string")
	}
	all := make([]string, 0, len(items))
	for _, item := range items {
		s, err := parseString(where, item)
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
