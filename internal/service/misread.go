package service

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	unknownKey = regexp.MustCompile(`^(line \d+): field (\S*) not found in type (\S+)$`)
	wrongKind  = regexp.MustCompile("^(line \\d+): cannot unmarshal !!\\w+ ?(?:`(.*)`)? into (\\S+)$")
)

// misread says in the words of the file what the decoder says in Go's.
func misread(err error) error {
	mistakes, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return err
	}
	var said []string
	for _, text := range mistakes.Errors {
		if m := unknownKey.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("%s: unknown key %q", m[1], m[2])
			if keys := keysOf(reflect.TypeFor[Config](), m[3]); len(keys) > 0 {
				text += "; there are " + strings.Join(keys, ", ")
			}
		} else if m := wrongKind.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("%s: want %s", m[1], wanted(m[3]))
			if m[2] != "" {
				text = fmt.Sprintf("%s: %q: want %s", m[1], m[2], wanted(m[3]))
			}
		}
		said = append(said, text)
	}
	return errors.New(strings.Join(said, "; "))
}

// wanted describes a value of a Go type to who writes it in YAML.
func wanted(goType string) string {
	switch strings.TrimPrefix(goType, "*") {
	case "time.Duration":
		return "a time with its unit, such as 90s, 5m or 48h"
	case "int", "int64":
		return "a whole number"
	case "float64":
		return "a number"
	case "bool":
		return "true or false"
	case "string":
		return "text"
	}
	if strings.HasPrefix(goType, "[]") {
		return "a list"
	}
	return "keys below it, or {key: value}"
}

// keysOf returns the keys of the struct within t that is called name.
func keysOf(t reflect.Type, name string) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return keysOf(t.Elem(), name)
	case reflect.Struct:
	default:
		return nil
	}
	var keys []string
	for _, field := range reflect.VisibleFields(t) {
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if key == "" {
			continue
		}
		if t.String() != name {
			if found := keysOf(field.Type, name); found != nil {
				return found
			}
			continue
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
