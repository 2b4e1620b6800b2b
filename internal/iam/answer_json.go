package iam

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// appendAnswer appends a as a line of JSON. Reasons look as encoding/json writes them
// (a test compares the two), at a fraction of its price: answers are most of what
// AnswerLines does once the policies are known.
func appendAnswer(b []byte, a answer) []byte {
	b = append(append(b, `{"id":`...), a.ID...)
	b = appendMember(b, `,"result":`, string(a.Result))
	b = append(b, `,"because":[`...)
	for i := range a.Because {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendReason(b, &a.Because[i])
	}
	return append(b, "]}\n"...)
}

func appendReason(b []byte, r *Reason) []byte {
	b = appendMember(b, `{"layer":`, string(r.Layer))
	if r.Policy != "" {
		b = appendMember(b, `,"policy":`, r.Policy)
	}
	b = strconv.AppendInt(append(b, `,"statement":`...), int64(r.Statement), 10)
	if r.Sid != "" {
		b = appendMember(b, `,"sid":`, r.Sid)
	}
	if r.Effect != "" {
		b = appendMember(b, `,"effect":`, string(r.Effect))
	}
	b = appendMember(b, `,"action":`, r.Action)
	b = appendMember(b, `,"resource":`, r.Resource)
	return append(appendMember(b, `,"text":`, r.Text), '}')
}

func appendMember(b []byte, name, text string) []byte {
	return appendText(append(b, name...), text)
}

// appendText appends s as a JSON string, in which <, > and & stand for themselves.
func appendText(b []byte, s string) []byte {
	begun := len(b)
	b = append(b, '"')
	copied := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(append(append(b, s[copied:i]...), '\\'), c)
			copied = i + 1
		case c < ' ' || c > '~':
			return appendEscaped(b[:begun], s)
		}
	}
	return append(append(b, s[copied:]...), '"')
}

func appendEscaped(b []byte, s string) []byte {
	w := bytes.NewBuffer(b)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can always be encoded, and the buffer never fails
	w.Truncate(w.Len() - 1)
	return w.Bytes() // without the newline at which Encode ends
}
