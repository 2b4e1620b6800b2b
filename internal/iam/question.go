package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// question is one line of input to AnswerLines.
type question struct {
	answerer                    *answerer
	id                          json.RawMessage
	principal                   string
	caller                      caller
	identity, session, boundary []Policy
	sessionPassed               bool
	main                        questionContext
	also                        []questionContext
}

// questionContext is what differs between the contexts of one question.
type questionContext struct {
	action, resource, account string
	context                   Context
	document                  string  // policy of the resource, as it stands in the question; empty: none
	policy                    *Policy // made of it, for this action
}

// parseQuestion returns what it could read beside an error, so that the answer can
// repeat the id.
func (a *answerer) parseQuestion(line string) (*question, error) {
	q := &a.question
	*q = question{answerer: a, also: q.also[:0]}
	a.scratch.reset()
	if !utf8.ValidString(line) {
		return q, errNotUTF8
	}
	fields, err := splitObject(a.scratch.fields, line, a.policies.known)
	a.scratch.fields = fields[:0]
	for _, f := range fields {
		if f.name == "id" {
			q.readID(f)
		}
	}
	if err != nil {
		return q, fmt.Errorf("it is not an object in JSON: %w", err)
	}
	var also []string
	for _, f := range fields {
		if err := q.read(f, &also); err != nil {
			return q, fmt.Errorf("%s: %w", clip(f.name), err)
		}
	}
	if err := q.complete(&q.main); err != nil {
		return q, err
	}
	for i, item := range also {
		c, err := q.contextOf(item)
		if err != nil {
			return q, fmt.Errorf("also[%d]: %w", i, err)
		}
		q.also = append(q.also, c)
	}
	return q, nil
}

func (q *question) readID(f field) {
	if f.plain {
		q.id = appendText(nil, f.raw[1:len(f.raw)-1])
	} else if v, err := decodeJSON(f.raw); err == nil && (v.kind == kindString || v.kind == kindNumber) {
		q.id = rawScalar(v)
	}
}

func (q *question) read(f field, also *[]string) (err error) {
	if f.raw == "null" {
		return nil
	}
	switch f.name {
	case "id":
		if q.id == nil {
			err = errors.New("is neither a string nor a number")
		}
	case "principal":
		q.principal, err = readString(f)
	case "identity":
		q.identity, err = q.answerer.policies.policies(KindIdentity, "identity", f.raw)
	case "session":
		q.sessionPassed = true
		q.session, err = q.answerer.policies.policies(KindSession, "session", f.raw)
	case "boundary":
		q.boundary, err = q.answerer.policies.policies(KindIdentity, "boundary", f.raw)
	case "also":
		if *also, err = splitList(f.raw); err != nil {
			err = fmt.Errorf("is not a list: %w", err)
		}
	default:
		err = q.main.read(&q.answerer.scratch, f)
	}
	return err
}

// contextOf reads an entry of also over a copy of the question's own context.
func (q *question) contextOf(text string) (questionContext, error) {
	c := q.main
	fields, err := splitObject(q.answerer.scratch.fields, text, q.answerer.policies.known)
	q.answerer.scratch.fields = fields[:0]
	if err != nil {
		return c, fmt.Errorf("is not an object: %w", err)
	}
	for _, f := range fields {
		if f.name == "resource" && f.raw != "null" || f.name == "resourcePolicy" {
			c.document = ""
		}
	}
	for _, f := range fields {
		if f.raw == "null" {
			continue
		}
		if err := c.read(&q.answerer.scratch, f); err != nil {
			return c, fmt.Errorf("%s: %w", clip(f.name), err)
		}
	}
	return c, q.complete(&c)
}

func (c *questionContext) read(s *scratch, f field) (err error) {
	switch f.name {
	case "action":
		c.action, err = readString(f)
	case "resource":
		c.resource, err = readString(f)
	case "account":
		if c.account, err = readString(f); err == nil && !isAccountID(c.account) {
			err = fmt.Errorf("%q is not an account id of 12 digits", clip(c.account))
		}
	case "context":
		c.context, err = s.readContext(f.raw)
	case "resourcePolicy":
		c.document = f.raw
	default:
		err = errors.New("the field is not known here")
	}
	return err
}

// complete checks what every context needs and parses the resource policy: which
// grammar it has to follow depends on the action of this context.
func (q *question) complete(c *questionContext) (err error) {
	if q.caller.kind == callerUnknown {
		q.caller = callerOf(&Request{Principal: q.principal})
	}
	if q.caller.kind == callerUnknown {
		return fmt.Errorf("principal %q is neither an ARN of a root, user, role or session, nor a service principal, nor %q", clip(q.principal), Anonymous)
	}
	if service, name, ok := strings.Cut(c.action, ":"); !ok || !isToken(service, "-") || !isToken(name, "-_") {
		return fmt.Errorf("action %q is not of the form service:Name", clip(c.action))
	}
	if _, ok := splitARN(c.resource); !ok && c.resource != "*" {
		return fmt.Errorf(`resource %q is neither an ARN nor "*"`, clip(c.resource))
	}
	c.policy = nil
	if c.document != "" {
		c.policy, err = q.answerer.policies.resourcePolicy(c.document, assumesRole(c.action))
	}
	return err
}

func (q *question) decide(c *questionContext) Decision {
	who := q.caller
	if role := roleFrom(&who, c.context); role != "" {
		who.role = role
	}
	return evaluate(who, &Request{
		Principal:     q.principal,
		PrincipalRole: who.role,
		Action:        c.action,
		Resource:      c.resource,
		Account:       c.account,
		Context:       c.context,
	}, &PolicySet{
		Identity:        q.identity,
		Boundary:        q.boundary,
		Session:         q.session,
		SessionPassed:   q.sessionPassed,
		Resource:        c.policy,
		RequireResource: assumesRole(c.action) || usesKey(c.action),
	})
}
