package iam

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// MarshalJSON writes the document with its elements in AWS's order: Sid, Effect,
// Principal, Action, Resource, Condition. A list of one is written as a string.
// Condition operators keep the order in which they first occur. It fails when the
// same operator tests the same key twice: JSON has no place for the second.
func (d *Document) MarshalJSON() ([]byte, error) {
	w := &objectWriter{}
	w.begin()
	w.member("Version", versionOf(d))
	if d.ID != "" {
		w.member("Id", d.ID)
	}
	w.name("Statement")
	w.buf.WriteByte('[')
	for i := range d.Statements {
		if i > 0 {
			w.buf.WriteByte(',')
		}
		if err := w.statement(&d.Statements[i]); err != nil {
			return nil, fmt.Errorf("write statement %d: %w", i, err)
		}
	}
	w.buf.WriteByte(']')
	w.end()
	return w.buf.Bytes(), nil
}

func versionOf(d *Document) string {
	if d.Version == "" {
		return Version2008
	}
	return d.Version
}

// objectWriter writes JSON objects whose members keep their order.
type objectWriter struct {
	buf   bytes.Buffer
	first bool
}

func (w *objectWriter) begin() { w.buf.WriteByte('{'); w.first = true }
func (w *objectWriter) end()   { w.buf.WriteByte('}'); w.first = false }

func (w *objectWriter) name(name string) {
	if !w.first {
		w.buf.WriteByte(',')
	}
	w.first = false
	w.text(name)
	w.buf.WriteByte(':')
}

func (w *objectWriter) text(s string) { w.buf.Write(appendText(w.buf.AvailableBuffer(), s)) }

func (w *objectWriter) member(name, s string) { w.name(name); w.text(s) }

func (w *objectWriter) list(name string, list []string) {
	switch len(list) {
	case 0:
		return
	case 1:
		w.member(name, list[0])
		return
	}
	w.name(name)
	w.buf.WriteByte('[')
	for i, s := range list {
		if i > 0 {
			w.buf.WriteByte(',')
		}
		w.text(s)
	}
	w.buf.WriteByte(']')
}

func (w *objectWriter) statement(st *Statement) error {
	w.begin()
	if st.Sid != "" {
		w.member("Sid", st.Sid)
	}
	w.member("Effect", string(st.Effect))
	w.principals("Principal", st.Principals)
	w.principals("NotPrincipal", st.NotPrincipals)
	w.list("Action", st.Actions)
	w.list("NotAction", st.NotActions)
	w.list("Resource", st.Resources)
	w.list("NotResource", st.NotResources)
	err := w.conditions(st.Conditions)
	w.end()
	return err
}

func (w *objectWriter) principals(name string, p *Principals) {
	if p == nil {
		return
	}
	if p.Any {
		w.member(name, "*")
		return
	}
	w.name(name)
	w.begin()
	w.list("AWS", p.AWS)
	w.list("Service", p.Service)
	w.list("Federated", p.Federated)
	w.list("CanonicalUser", p.CanonicalUser)
	w.end()
}

func (w *objectWriter) conditions(all []Condition) error {
	if len(all) == 0 {
		return nil
	}
	w.name("Condition")
	w.begin()
	var done []string
	for i := range all {
		operator := all[i].Operator
		if slices.Contains(done, operator) {
			continue
		}
		done = append(done, operator)
		w.name(operator)
		w.begin()
		var keys []string
		for _, c := range all[i:] {
			if c.Operator != operator {
				continue
			}
			if slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, c.Key) }) {
				return fmt.Errorf("%s tests %s twice; a policy can say that only once", operator, c.Key)
			}
			keys = append(keys, c.Key)
			w.values(c.Key, c.Values)
		}
		w.end()
	}
	w.end()
	return nil
}

// values writes the values of a condition; unlike other lists they may be empty in a
// document made by hand, and then must not vanish.
func (w *objectWriter) values(key string, values []string) {
	if len(values) > 0 {
		w.list(key, values)
		return
	}
	w.name(key)
	w.buf.WriteString("[]")
}
