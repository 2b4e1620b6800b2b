package awsjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// checkMembers refuses what encoding/json would take and AWS would not: member names in
// another case, which AWS does not know, and members given twice, of which two readers
// may take different ones. The body has been decoded before: it is JSON, of bounded depth,
// and has no other members.
func checkMembers(body []byte, t reflect.Type) error {
	return checkValue(json.NewDecoder(bytes.NewReader(body)), t)
}

// checkValue reads one value that is to be decoded into t, nil for anything.
func checkValue(d *json.Decoder, t reflect.Type) error {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return checkObject(d, t)
	case json.Delim('['):
		var element reflect.Type
		if t != nil && t.Kind() == reflect.Slice {
			element = t.Elem()
		}
		for d.More() {
			if err := checkValue(d, element); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

func checkObject(d *json.Decoder, t reflect.Type) error {
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // the decoder takes nothing else there
		if seen[name] {
			return fmt.Errorf("member %q is given twice", name)
		}
		seen[name] = true
		of, err := memberType(t, name)
		if err != nil {
			return err
		}
		if err := checkValue(d, of); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// memberType returns what a member of t is decoded into, nil for one that t lacks.
func memberType(t reflect.Type, name string) (reflect.Type, error) {
	switch {
	case t == nil:
		return nil, nil
	case t.Kind() == reflect.Map:
		return t.Elem(), nil
	case t.Kind() != reflect.Struct:
		return nil, nil
	}
	for _, field := range reflect.VisibleFields(t) {
		tagged, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		known := tagged
		if known == "" {
			known = field.Name
		}
		switch {
		case field.Anonymous && tagged == "":
		case known == name:
			return field.Type, nil
		case strings.EqualFold(known, name):
			return nil, fmt.Errorf("member %q is written %q", known, name)
		}
	}
	return nil, nil
}
