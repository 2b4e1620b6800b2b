package iam

import (
	"encoding/json"
	"fmt"
	"strings"
)

func readString(raw string) (string, error) {
	v, err := decodeJSON(raw)
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

func readContext(raw string) (Context, error) {
	v, err := decodeJSON(raw)
	if err != nil {
		return nil, err
	}
	if v.kind != kindObject {
		return nil, fmt.Errorf("is %s; write an object of keys", v.kind)
	}
	ctx := make(Context, len(v.members))
	for _, m := range v.members {
		if _, twice := ctx.Get(m.name); twice {
			return nil, fmt.Errorf("the key %q occurs twice; keys have no case", clip(m.name))
		}
		items := m.value.list
		if m.value.kind != kindList {
			items = []value{m.value}
		}
		values := make([]string, 0, len(items))
		for _, item := range items {
			text, ok := item.scalar()
			if !ok {
				return nil, fmt.Errorf("the key %q holds %s; write strings", clip(m.name), item.kind)
			}
			values = append(values, text)
		}
		ctx.Set(m.name, values...)
	}
	return ctx, nil
}

// mentionsResource reports whether any statement has a Resource, which no trust
// policy does.
func mentionsResource(policy value) bool {
	for _, m := range policy.members {
		if m.name != "Statement" {
			continue
		}
		statements := m.value.list
		if m.value.kind == kindObject {
			statements = []value{m.value}
		}
		for _, st := range statements {
			for _, element := range st.members {
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

func hasService(action, service string) bool {
	prefix, _, ok := strings.Cut(action, ":")
	return ok && strings.EqualFold(prefix, service)
}

// roleFrom returns the role behind a session with its path, when the request's
// aws:PrincipalArn says so credibly; empty otherwise.
func roleFrom(principal string, ctx Context) string {
	req := Request{Principal: principal}
	session := callerOf(&req)
	values, ok := ctx.Get("aws:PrincipalArn")
	if session.kind != callerSession || !ok || len(values) != 1 {
		return ""
	}
	req.Principal = values[0]
	role := callerOf(&req)
	name := session.role[strings.LastIndexByte(session.role, '/')+1:]
	if role.kind != callerRole || role.account != session.account || !strings.HasSuffix(role.role, "/"+name) {
		return ""
	}
	return role.role
}
