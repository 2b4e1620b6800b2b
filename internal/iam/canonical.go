package iam

import (
	"bytes"
	"slices"
	"strings"
)

// Canonical returns the canonical form: documents that differ only in what has no
// meaning have equal bytes. Without meaning are the order of statements, lists and
// keys, repetitions, a list around one value, the case of actions and condition keys,
// an account's id or its root ARN as principal, {"AWS":"*"} or "*" in the Principal of
// a Deny, ArnEquals or ArnLike, and a Version or Sid that says what its absence says.
//
// The result is for comparing. It is JSON, but Parse need not accept it.
func (d *Document) Canonical() []byte {
	w := &objectWriter{}
	w.begin()
	w.member("Version", versionOf(d))
	if d.ID != "" {
		w.member("Id", d.ID)
	}
	w.name("Statement")
	statements := make([][]byte, 0, len(d.Statements))
	for i := range d.Statements {
		statements = append(statements, canonicalStatement(d.Statements[i]))
	}
	slices.SortFunc(statements, bytes.Compare)
	statements = slices.CompactFunc(statements, bytes.Equal)
	w.buf.WriteByte('[')
	w.buf.Write(bytes.Join(statements, []byte(",")))
	w.buf.WriteByte(']')
	w.end()
	return w.buf.Bytes()
}

// Equal reports whether a and b have the same canonical form. A nil document equals
// only nil: having no policy is not having an empty one.
func Equal(a, b *Document) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.Canonical(), b.Canonical())
}

// NonWhitespaceLength counts the characters of a policy text as IAM's size quotas do:
// without white space (facts AWS §5).
func NonWhitespaceLength(text []byte) int {
	n := 0
	for _, r := range string(text) {
		if r != ' ' && r != '\t' && r != '\n' && r != '\r' {
			n++
		}
	}
	return n
}

func canonicalStatement(st Statement) []byte {
	st.Principals = canonicalPrincipals(st.Principals)
	if st.Effect == Deny && st.Principals != nil && slices.Contains(st.Principals.AWS, "*") {
		st.Principals = &Principals{Any: true}
	}
	st.NotPrincipals = canonicalPrincipals(st.NotPrincipals)
	st.Actions = canonicalSet(st.Actions, strings.ToLower)
	st.NotActions = canonicalSet(st.NotActions, strings.ToLower)
	st.Resources = canonicalSet(st.Resources, nil)
	st.NotResources = canonicalSet(st.NotResources, nil)
	conditions := st.Conditions
	st.Conditions = nil

	w := &objectWriter{}
	_ = w.statement(&st) // fails only for conditions
	w.buf.Truncate(w.buf.Len() - 1)
	w.canonicalConditions(conditions)
	w.end()
	return w.buf.Bytes()
}

// canonicalConditions writes the conditions as a sorted list of
// {operator: {key: values}}: unlike an object, it has room for one pair twice.
func (w *objectWriter) canonicalConditions(conditions []Condition) {
	if len(conditions) == 0 {
		return
	}
	all := make([][]byte, 0, len(conditions))
	for _, c := range conditions {
		one := &objectWriter{}
		one.begin()
		one.name(canonicalOperator(c.Operator))
		one.begin()
		one.values(strings.ToLower(c.Key), canonicalSet(c.Values, nil))
		one.end()
		one.end()
		all = append(all, one.buf.Bytes())
	}
	slices.SortFunc(all, bytes.Compare)
	all = slices.CompactFunc(all, bytes.Equal)
	w.name("Condition")
	w.buf.WriteByte('[')
	w.buf.Write(bytes.Join(all, []byte(",")))
	w.buf.WriteByte(']')
}

func canonicalOperator(name string) string {
	name = strings.Replace(name, "ArnEquals", "ArnLike", 1)
	return strings.Replace(name, "ArnNotEquals", "ArnNotLike", 1)
}

func canonicalPrincipals(p *Principals) *Principals {
	if p == nil {
		return nil
	}
	if p.Any {
		return &Principals{Any: true}
	}
	return &Principals{
		AWS:           canonicalSet(p.AWS, canonicalPrincipal),
		Service:       canonicalSet(p.Service, nil),
		Federated:     canonicalSet(p.Federated, nil),
		CanonicalUser: canonicalSet(p.CanonicalUser, nil),
	}
}

func canonicalPrincipal(entry string) string {
	if isAccountID(entry) {
		return "arn:aws:iam::" + entry + ":root"
	}
	return entry
}

// canonicalSet returns list mapped, sorted and without repetitions.
func canonicalSet(list []string, mapping func(string) string) []string {
	set := slices.Clone(list)
	if mapping != nil {
		for i, s := range set {
			set[i] = mapping(s)
		}
	}
	slices.Sort(set)
	return slices.Compact(set)
}
