package iam

import "strconv"

// because is the reason that statement i of p is.
func (e *evaluation) because(layer Layer, p *Policy, i int) Reason {
	st := &p.Document.Statements[i]
	verb := " allows "
	if st.Effect != Allow {
		verb = " explicitly denies "
	}
	text := append(make([]byte, 0, 256), "The "...)
	text = append(text, layer...)
	if p.Name != "" {
		text = appendQuoted(append(text, ' '), p.Name)
	}
	text = append(append(text, verb...), e.req.Action...)
	text = append(appendStatement(append(text, " in "...), i, st.Sid), '.')
	return Reason{
		Layer:     layer,
		Policy:    p.Name,
		Statement: i,
		Sid:       st.Sid,
		Effect:    st.Effect,
		Action:    e.req.Action,
		Resource:  e.req.Resource,
		Text:      string(text),
	}
}

// lacking is the decision that no statement of a layer allows, in AWS's words.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func (e *evaluation) lacking(layer Layer) Decision {
	return Decision{Result: ImplicitlyDenied, Because: []Reason{{
		Layer:     layer,
		Statement: -1,
		Action:    e.req.Action,
		Resource:  e.req.Resource,
		Text:      "No " + string(layer) + " allows the " + e.req.Action + " action" + e.onResource() + ".",
	}}}
}

// unknownCaller is the decision about a principal that is of no known kind. Not even
// a policy for everybody is for it: who asks is a mistake of the program that asks.
func (e *evaluation) unknownCaller() Decision {
	return Decision{Result: ImplicitlyDenied, Because: []Reason{{
		Statement: -1,
		Action:    e.req.Action,
		Resource:  e.req.Resource,
		Text:      "The principal " + strconv.Quote(clip(e.req.Principal)) + " is neither an ARN that can make requests, nor a service, nor anonymous.",
	}}}
}

// rootMay is the reason why the root user needs no identity policy: it has none, and
// may do what nothing denies.
func (e *evaluation) rootMay() Reason {
	return Reason{
		Layer:     LayerIdentity,
		Statement: -1,
		Action:    e.req.Action,
		Resource:  e.req.Resource,
		Text:      "The root user of an account may do there what no policy denies.",
	}
}

func (e *evaluation) onResource() string {
	if e.req.Resource == "" {
		return ""
	}
	return " on " + e.req.Resource
}

// appendQuoted is strconv.AppendQuote, which looks at every character as one of Unicode.
func appendQuoted(text []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c > '~' || !plainByte[c] {
			return strconv.AppendQuote(text, s)
		}
	}
	return append(append(append(text, '"'), s...), '"')
}

func nameStatement(i int, sid string) string { return string(appendStatement(nil, i, sid)) }

func appendStatement(text []byte, i int, sid string) []byte {
	text = strconv.AppendInt(append(text, "statement "...), int64(i), 10)
	if sid != "" {
		text = append(appendQuoted(append(text, " (Sid "...), sid), ')')
	}
	return text
}
