package iam

import (
	"encoding/json"
	"fmt"
	"strings"
)

// question is one line of input to AnswerLines.
type question struct {
	id                          json.RawMessage
	principal                   string
	identity, session, boundary []Policy
	sessionPassed               bool
	main                        questionContext
	also                        []questionContext
}

// questionContext is what differs between the contexts of one question.
type questionContext struct {
	action, resource, account string
	context                   Context
	document                  *value  // of the resource, as it stands in the question
	policy                    *Policy // made of it, for this action
}

// parseQuestion returns what it could read beside an error, so that the answer can
// repeat the id.
func parseQuestion(v value) (question, error) {
	var q question
	if v.kind != kindObject {
		return q, fmt.Errorf("it is %s; write an object", v.kind)
	}
	for _, m := range v.members {
		if m.name == "id" && (m.value.kind == kindString || m.value.kind == kindNumber) {
			q.id = rawScalar(m.value)
		}
	}
	var also value
	for _, m := range v.members {
		if err := q.read(m, &also); err != nil {
			return q, fmt.Errorf("%s: %w", clip(m.name), err)
		}
	}
	if err := q.complete(&q.main); err != nil {
		return q, err
	}
	for i, item := range also.list {
		c, err := q.contextOf(item)
		if err != nil {
			return q, fmt.Errorf("also[%d]: %w", i, err)
		}
		q.also = append(q.also, c)
	}
	return q, nil
}

func (q *question) read(m member, also *value) (err error) {
	if m.value.kind == kindNull {
		return nil
	}
	switch m.name {
	case "id":
		if q.id == nil {
			err = fmt.Errorf("is %s; write a string or a number", m.value.kind)
		}
	case "principal":
		q.principal, err = wantString(m.value)
	case "identity":
		q.identity, err = readPolicies(KindIdentity, "identity", m.value)
	case "session":
		q.sessionPassed = true
		q.session, err = readPolicies(KindSession, "session", m.value)
	case "boundary":
		q.boundary, err = readPolicies(KindIdentity, "boundary", m.value)
	case "also":
		if *also = m.value; also.kind != kindList {
			err = fmt.Errorf("is %s; write a list", also.kind)
		}
	default:
		err = q.main.read(m)
	}
	return err
}

// contextOf reads an entry of also over a copy of the question's own context.
func (q *question) contextOf(v value) (questionContext, error) {
	c := q.main
	if v.kind != kindObject {
		return c, fmt.Errorf("is %s; write an object", v.kind)
	}
	for _, m := range v.members {
		if m.name == "resource" && m.value.kind != kindNull {
			c.document = nil
		}
	}
	for _, m := range v.members {
		if m.name == "resourcePolicy" && m.value.kind == kindNull {
			c.document = nil
		}
		if m.value.kind == kindNull {
			continue
		}
		if err := c.read(m); err != nil {
			return c, fmt.Errorf("%s: %w", clip(m.name), err)
		}
	}
	return c, q.complete(&c)
}

func (c *questionContext) read(m member) (err error) {
	switch m.name {
	case "action":
		c.action, err = wantString(m.value)
	case "resource":
		c.resource, err = wantString(m.value)
	case "account":
		if c.account, err = wantString(m.value); err == nil && !isAccountID(c.account) {
			err = fmt.Errorf("%q is not an account id of 12 digits", clip(c.account))
		}
	case "context":
		c.context, err = readContext(m.value)
	case "resourcePolicy":
		c.document = &m.value
	default:
		err = fmt.Errorf("the field is not known here")
	}
	return err
}

// complete checks what every context needs and parses the resource policy: which
// grammar it has to follow depends on the action of this context.
func (q *question) complete(c *questionContext) (err error) {
	req := Request{Principal: q.principal}
	if callerOf(&req).kind == callerUnknown {
		return fmt.Errorf("principal %q is neither an ARN of a root, user, role or session, nor a service principal, nor %q", clip(q.principal), Anonymous)
	}
	if service, name, ok := strings.Cut(c.action, ":"); !ok || !isToken(service, "-") || !isToken(name, "-_") {
		return fmt.Errorf("action %q is not of the form service:Name", clip(c.action))
	}
	if _, ok := splitARN(c.resource); !ok && c.resource != "*" {
		return fmt.Errorf(`resource %q is neither an ARN nor "*"`, clip(c.resource))
	}
	c.policy, err = c.resourcePolicy()
	return err
}

func (q *question) decide(c questionContext) Decision {
	return Evaluate(Request{
		Principal:     q.principal,
		PrincipalRole: roleFrom(q.principal, c.context),
		Action:        c.action,
		Resource:      c.resource,
		Account:       c.account,
		Context:       c.context,
	}, PolicySet{
		Identity:        q.identity,
		Boundary:        q.boundary,
		Session:         q.session,
		SessionPassed:   q.sessionPassed,
		Resource:        c.policy,
		RequireResource: assumesRole(c.action) || hasService(c.action, "kms"),
	})
}

func (c *questionContext) resourcePolicy() (*Policy, error) {
	if c.document == nil {
		return nil, nil
	}
	kind := KindResource
	v, err := policyValue(*c.document)
	if err != nil {
		return nil, fmt.Errorf("resourcePolicy: %w", err)
	}
	if assumesRole(c.action) && !mentionsResource(v) {
		kind = KindTrust
	}
	doc, err := parseDocument(kind, v)
	if err != nil {
		return nil, fmt.Errorf("resourcePolicy: %w", err)
	}
	return &Policy{Name: "resourcePolicy", Document: doc}, nil
}
