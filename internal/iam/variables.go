package iam

import (
	"errors"
	"strings"
)

// expand replaces the policy variables of a text from a Version2012 document:
// ${key}, ${key, 'default'}, and ${*}, ${?}, ${$} for the characters themselves
// (facts AWS §3.4). With pattern set, what is put in matches literally: a tag value
// "*" must not become a wildcard.
//
// It fails when a variable cannot be resolved: the key is absent and has no default,
// or has several values, which AWS forbids in variables; a default is for absent keys.
func expand(text string, ctx Context, pattern bool) (string, bool) {
	start := strings.Index(text, "${")
	if start < 0 {
		return text, true
	}
	var b strings.Builder
	for start >= 0 {
		b.WriteString(text[:start])
		name, fallback, hasFallback, rest, err := cutVariable(text[start:])
		if err != nil {
			return "", false
		}
		put, absent, ok := resolve(name, ctx)
		if absent && hasFallback {
			put, ok = fallback, true
		}
		if !ok {
			return "", false
		}
		if pattern {
			put = quote(put)
		}
		b.WriteString(put)
		text = rest
		start = strings.Index(text, "${")
	}
	b.WriteString(text)
	return b.String(), true
}

func resolve(name string, ctx Context) (value string, absent, ok bool) {
	switch name {
	case "*", "?", "$":
		return name, false, true
	}
	values, present := ctx.Get(name)
	if len(values) != 1 {
		return "", !present, false
	}
	return values[0], false, true
}

// cutVariable splits the variable off the front of text, which starts with "${".
func cutVariable(text string) (name, fallback string, hasFallback bool, rest string, err error) {
	body := text[len("${"):]
	end := strings.IndexByte(body, '}')
	comma := strings.IndexByte(body, ',')
	if comma >= 0 && comma < end {
		name = body[:comma]
		quoted, ok := strings.CutPrefix(strings.TrimLeft(body[comma+1:], " "), "'")
		if !ok {
			return "", "", false, "", errors.New("the default of a policy variable stands in single quotes: ${key, 'default'}")
		}
		if fallback, rest, ok = strings.Cut(quoted, "'}"); !ok {
			return "", "", false, "", errors.New("the default of a policy variable ends with '}")
		}
		hasFallback = true
	} else {
		if end < 0 {
			return "", "", false, "", errors.New("a policy variable has no closing brace")
		}
		name, rest = body[:end], body[end+1:]
	}
	if name == "" || strings.ContainsAny(name, "{'") {
		return "", "", false, "", errors.New("a policy variable names a condition key: ${aws:username}")
	}
	return name, fallback, hasFallback, rest, nil
}

// checkVariables reports a malformed variable in text.
func checkVariables(text string) error {
	for start := strings.Index(text, "${"); start >= 0; start = strings.Index(text, "${") {
		_, _, _, rest, err := cutVariable(text[start:])
		if err != nil {
			return err
		}
		text = rest
	}
	return nil
}

// hasVariable reports whether text would be expanded in a Version2012 document.
func hasVariable(text string) bool { return strings.Contains(text, "${") }

// expandResource is expand for a Resource: variables may stand only after the fifth
// colon of the ARN (facts AWS §3.4), elsewhere they resolve to nothing.
func expandResource(text string, ctx Context) (string, bool) {
	if !hasVariable(text) {
		return text, true
	}
	prefix, ok := arnPrefix(text)
	if !ok || hasVariable(prefix) {
		return "", false
	}
	tail, ok := expand(text[len(prefix):], ctx, true)
	return prefix + tail, ok
}

// arnPrefix returns text up to and with its fifth colon.
func arnPrefix(text string) (string, bool) {
	at := 0
	for range arnParts - 1 {
		next := strings.IndexByte(text[at:], ':')
		if next < 0 {
			return "", false
		}
		at += next + 1
	}
	return text[:at], true
}
