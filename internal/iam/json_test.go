package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecodeJSON compares the scanner with encoding/json: both accept the same texts
// and read the same values, but for what decodeJSON refuses on purpose.
func FuzzDecodeJSON(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-2.5e+3,"x\u00e9\n\"",true,false,null],"b":{"c":{}},"d":[]}`,
		"\t{ \"a\" : [ ] , \"b\" : 0 }\r\n", `"\ud83d\ude00 \ud83d x"`, `"ü"`, `01`, `1.`, `+1`, `.5`, `1e`, `-`, `tru`, `nullx`, `"a` + "\n" + `"`, `"a`, `"\x"`,
		`{"a":1,}`, `[1,]`, `[,]`, `{,}`, `{"a"}`, `{a:1}`, `{"a":1 "b":2}`, `[1 2]`, `[1}`, `{"a":1]`, `1 2`, ``, ` `, `[`, `{`, `]`, `}`, `[[[`, `"\`, `12"a"`, `1{}`, `{"a":1,"a":2}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := decodeJSON(text)
		want, wantErr := byEncodingJSON(text)
		if err != nil {
			if wantErr == nil && !strings.Contains(err.Error(), "twice") && !errors.Is(err, errNotUTF8) && !strings.Contains(err.Error(), "deep") {
				t.Fatalf("refused what encoding/json reads: %v", err)
			}
			return
		}
		if wantErr != nil {
			t.Fatalf("read what encoding/json refuses: %v", wantErr)
		}
		if diff := cmp.Diff(want, plain(got)); diff != "" {
			t.Fatalf("read (-want +got):\n%s", diff)
		}
		// A value is found whole in front of whatever follows it.
		s := scanner{text: text + " ]"}
		s.next()
		if raw, err := s.skip(); err != nil || raw != strings.Trim(text, " \t\r\n") {
			t.Fatalf("skipped %q, %v", raw, err)
		}
	})
}

func byEncodingJSON(text string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("more text: %w", err)
	}
	return v, nil
}

// plain returns v as encoding/json would have made it.
func plain(v value) any {
	switch v.kind {
	case kindString:
		return v.text
	case kindNumber:
		return json.Number(v.text)
	case kindBool:
		return v.text == "true"
	case kindList:
		list := []any{}
		for _, item := range v.list {
			list = append(list, plain(item))
		}
		return list
	case kindObject:
		object := map[string]any{}
		for _, m := range v.list {
			object[m.name] = plain(m)
		}
		return object
	}
	return nil
}

// FuzzAppendReason: a reason is written as its tags say.
func FuzzAppendReason(f *testing.F) {
	f.Add("identity-based policy", "inline:x", 0, "Sid", "Allow", "s3:GetObject", "arn:aws:s3:::b/k", "ü <&> \"\\ \x7f \u2028 \x00 \xff")
	f.Add("", "", -1, "", "", "", "", "")
	f.Fuzz(func(t *testing.T, layer, policy string, statement int, sid, effect, action, resource, text string) {
		r := Reason{Layer: Layer(layer), Policy: policy, Statement: statement, Sid: sid, Effect: Effect(effect), Action: action, Resource: resource, Text: text}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSuffix(want.String(), "\n"), string(appendReason(nil, &r))); diff != "" {
			t.Error(diff)
		}
	})
}

// TestDecodeJSONInTime: a question of the greatest length takes no quadratic time,
// whatever it is made of.
func TestDecodeJSONInTime(t *testing.T) {
	t.Parallel()
	var members strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&members, `,"%d":0`, i)
	}
	texts := map[string]string{
		"many names": `{` + members.String()[1:] + `}`,
		"deep":       strings.Repeat("[", MaxQuestionBytes),
		"a string":   `"` + strings.Repeat(`\\`, MaxQuestionBytes/2) + `"`,
		"a number":   strings.Repeat("1", MaxQuestionBytes),
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decodeJSON(text)
			_, splitErr := splitObject(nil, text, nil)
			if refused := err != nil; refused != (name == "deep") {
				t.Error(err, splitErr)
			}
		})
	}
}

// TestPolicyCache: it gives the same policy for the same text, another one in another
// element, and forgets before it holds too much.
func TestPolicyCache(t *testing.T) {
	t.Parallel()
	const list = `[{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}]`
	var c policyCache
	parse := func(element, raw string) *Document {
		p, err := c.policies(KindIdentity, element, raw)
		if err != nil {
			t.Fatal(err)
		}
		return p[0].Document
	}
	once := parse("identity", list)
	first := parse("identity", list)
	if first == once {
		t.Error("what came once was kept")
	}
	if parse("identity", strings.Clone(list)) != first {
		t.Error("the same text was parsed twice")
	}
	for range 2 {
		if parse("boundary", list) == first {
			t.Error("two elements share a policy, which names its element")
		}
	}
	if _, err := c.policies(KindIdentity, "identity", `[{}]`); err == nil || len(c.parsed) != 2 {
		t.Errorf("a malformed policy was kept: %v", err)
	}
	const trust = `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"}}`
	for range 3 {
		if _, err := c.resourcePolicy(trust, true); err != nil || c.known("resourcePolicy", "{}") != "" {
			t.Fatal(err)
		}
	}
	if raw := c.known("resourcePolicy", trust+" ,"); raw != trust {
		t.Errorf("recognized %q", raw)
	}
	if _, err := c.resourcePolicy(trust, false); err == nil {
		t.Error("a trust policy became the policy of another resource")
	}
	padding := strings.Repeat(" ", 100_000)
	for i := range 200 {
		for range 2 {
			parse("identity", list+strings.Repeat(" ", i)+padding)
		}
		if c.bytes > maxCachedBytes {
			t.Fatalf("%d bytes are held", c.bytes)
		}
	}
	if parse("identity", list) == first {
		t.Error("nothing was forgotten")
	}
}
