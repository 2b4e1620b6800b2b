package iam

import (
	"encoding/json"
	"fmt"
	"strings"
)

func readString(f field) (string, error) {
	if f.plain {
		return f.raw[1 : len(f.raw)-1], nil
	}
	v, err := decodeJSON(f.raw)
	if err == nil && v.kind != kindString {
		err = fmt.Errorf("is %s; write a string", v.kind)
	}
	return v.text, err
}

func rawScalar(v value) json.RawMessage {
	if v.kind == kindNumber {
		return json.RawMessage(v.text)
	}
	return appendText(nil, v.text)
}

// scratch is what reading a question needs and nothing keeps, so that it can serve for
// the next one.
type scratch struct {
	fields []field // of the question, or of an entry of also
	keys   []field // of a context
	values []string
	first  Context           // the context of the question itself; those in also have their own
	used   bool              // first is
	folded map[string]string // condition keys, as written, to how Context has them
}

// mostFoldedKeys bounds scratch.folded; a stream has few keys, in one spelling each.
const mostFoldedKeys = 1024

func (s *scratch) reset() {
	s.values, s.used = s.values[:0], false
}

func (s *scratch) newContext(keys int) Context {
	const most = 64 // to clear a map takes as long as the largest that it ever was
	if s.used || keys > most {
		return make(Context, keys)
	}
	if s.used = true; s.first == nil {
		s.first = Context{}
	}
	clear(s.first)
	return s.first
}

func (s *scratch) fold(key string) string {
	folded, ok := s.folded[key]
	if !ok {
		key = strings.Clone(key) // the original is a part of all lines around it
		folded = strings.ToLower(key)
		if s.folded == nil || len(s.folded) == mostFoldedKeys {
			s.folded = map[string]string{}
		}
		s.folded[key] = folded
	}
	return folded
}

func (s *scratch) readContext(raw string) (Context, error) {
	fields, err := splitObject(s.keys, raw, nil)
	s.keys = fields[:0]
	if err != nil {
		return nil, fmt.Errorf("is not an object of keys: %w", err)
	}
	ctx := s.newContext(len(fields))
	for _, f := range fields {
		key := s.fold(f.name)
		if _, twice := ctx[key]; twice {
			return nil, fmt.Errorf("the key %q occurs twice; keys have no case", clip(f.name))
		}
		values, err := s.readValues(f)
		if err != nil {
			return nil, fmt.Errorf("the key %q: %w", clip(f.name), err)
		}
		if len(values) > 0 {
			ctx[key] = values
		}
	}
	return ctx, nil
}

// readValues reads the values of one key: a string, number or boolean, or a list of
// these.
func (s *scratch) readValues(f field) ([]string, error) {
	n := len(s.values)
	if f.plain {
		s.values = append(s.values, f.raw[1:len(f.raw)-1])
		return s.values[n : n+1 : n+1], nil
	}
	v, err := decodeJSON(f.raw)
	if err != nil {
		return nil, err
	}
	items := v.list
	if v.kind != kindList {
		items = []value{v}
	}
	values := make([]string, len(items))
	for i, item := range items {
		var ok bool
		if values[i], ok = item.scalar(); !ok {
			return nil, fmt.Errorf("holds %s; write strings", item.kind)
		}
	}
	return values, nil
}

// mentionsResource reports whether any statement has a Resource, which no trust
// policy does.
func mentionsResource(policy value) bool {
	for i := range policy.list {
		m := &policy.list[i]
		if m.name != "Statement" {
			continue
		}
		statements := m.list
		if m.kind == kindObject {
			statements = []value{*m}
		}
		for _, st := range statements {
			for _, element := range st.list {
				if element.name == "Resource" || element.name == "NotResource" {
					return true
				}
			}
		}
	}
	return false
}

// assumesRole reports whether a trust policy decides about action (facts AWS §4.3).
func assumesRole(action string) bool {
	if !hasService(action, "sts") {
		return false
	}
	name := strings.ToLower(action[len("sts:"):])
	return strings.HasPrefix(name, "assumerole") || name == "tagsession" || name == "setsourceidentity"
}

// usesKey reports whether a key policy decides about action, as about every action on
// a KMS key. The actions without a key are those for which the Service Authorization
// Reference lists no resource type "key"; identity policies decide about them alone.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
func usesKey(action string) bool {
	if !hasService(action, "kms") {
		return false
	}
	switch strings.ToLower(action[len("kms:"):]) {
	case "createkey", "generaterandom", "listaliases", "listkeys", "listretirablegrants",
		"connectcustomkeystore", "createcustomkeystore", "deletecustomkeystore",
		"describecustomkeystores", "disconnectcustomkeystore", "updatecustomkeystore":
		return false
	}
	return true
}

func hasService(action, service string) bool {
	prefix, _, ok := strings.Cut(action, ":")
	return ok && strings.EqualFold(prefix, service)
}

// roleFrom returns the role behind a session with its path, when the request's
// aws:PrincipalArn says so credibly; empty otherwise.
func roleFrom(session *caller, ctx Context) string {
	values, ok := ctx.Get("aws:PrincipalArn")
	if !ok || len(values) != 1 || session.kind != callerSession {
		return ""
	}
	role := callerOf(&Request{Principal: values[0]})
	name := session.role[strings.LastIndexByte(session.role, '/')+1:]
	if role.kind != callerRole || role.account != session.account || !strings.HasSuffix(role.role, "/"+name) {
		return ""
	}
	return role.role
}
