package iam

import "strconv"

// because is the reason that statement i of p is.
func (e *evaluation) because(layer Layer, p *Policy, i int) Reason {
	st := &p.Document.Statements[i]
	verb := " allows "
	if st.Effect != Allow {
		verb = " explicitly denies "
	}
	return Reason{
		Layer:     layer,
		Policy:    p.Name,
		Statement: i,
		Sid:       st.Sid,
		Effect:    st.Effect,
		Action:    e.req.Action,
		Resource:  e.req.Resource,
		Text:      "The " + string(layer) + describe(p.Name) + verb + e.req.Action + " in " + nameStatement(i, st.Sid) + ".",
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

func describe(policy string) string {
	if policy == "" {
		return ""
	}
	return " " + strconv.Quote(policy)
}

func nameStatement(i int, sid string) string {
	if sid == "" {
		return "statement " + strconv.Itoa(i)
	}
	return "statement " + strconv.Itoa(i) + " (Sid " + strconv.Quote(sid) + ")"
}
