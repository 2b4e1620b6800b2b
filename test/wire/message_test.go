package wire

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// text, data, number and yes write one field.
func text(n protowire.Number, value string) []byte { return data(n, []byte(value)) }

func data(n protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), value)
}

func number(n protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), value)
}

func yes(n protowire.Number) []byte { return number(n, 1) }

// message is what was received: the fields by number, in their order.
type message map[protowire.Number][]field

type field struct {
	bytes  []byte
	number uint64
}

// parse reads the fields of a message, each of which must be well-formed.
func parse(t *testing.T, raw []byte) message {
	t.Helper()
	m := message{}
	for len(raw) > 0 {
		n, kind, size := protowire.ConsumeTag(raw)
		if size < 0 {
			t.Fatalf("no tag at %x", raw)
		}
		raw = raw[size:]
		var f field
		switch kind {
		case protowire.BytesType:
			f.bytes, size = protowire.ConsumeBytes(raw)
		case protowire.VarintType:
			f.number, size = protowire.ConsumeVarint(raw)
		default:
			t.Fatalf("field %d has wire type %d, which nothing here has", n, kind)
		}
		if size < 0 {
			t.Fatalf("field %d is broken", n)
		}
		raw = raw[size:]
		m[n] = append(m[n], f)
	}
	return m
}

// at returns the message under a path of numbers, each of which must be there once.
func (m message) at(t *testing.T, path ...protowire.Number) message {
	t.Helper()
	for _, n := range path {
		if len(m[n]) != 1 {
			t.Fatalf("field %d of %v is there %d times, want once", n, path, len(m[n]))
		}
		m = parse(t, m[n][0].bytes)
	}
	return m
}

// text returns a string field; what is absent is empty.
func (m message) text(n protowire.Number) string {
	if len(m[n]) == 0 {
		return ""
	}
	return string(m[n][len(m[n])-1].bytes)
}

func (m message) number(n protowire.Number) uint64 {
	if len(m[n]) == 0 {
		return 0
	}
	return m[n][len(m[n])-1].number
}

// only fails when there are fields that the facts do not have.
func (m message) only(t *testing.T, what string, numbers ...protowire.Number) {
	t.Helper()
	for n := range m {
		known := false
		for _, k := range numbers {
			known = known || k == n
		}
		if !known {
			t.Errorf("%s has field %d, which the facts do not have", what, n)
		}
	}
}

// times fails unless each of the fields, which are times, is there as it has to be: one that
// is absent is shown as 1970.
func times(t *testing.T, what string, m message, there map[protowire.Number]bool) {
	t.Helper()
	for n, want := range there {
		if (len(m[n]) == 1) != want {
			t.Errorf("%s: field %d, a time, is there %d times", what, n, len(m[n]))
		}
	}
}

// isUUID reports whether text is one, as protovalidate has it.
func isUUID(text string) bool {
	return len(text) == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-' && strings.Trim(text, "0123456789abcdef-") == ""
}
