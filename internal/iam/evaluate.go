package iam

// Evaluate decides one request in one context, in the order of facts AWS §3.1: an
// explicit Deny in any policy wins; then the resource policy may grant, and how it
// names the caller decides which of the other layers still have to allow (§3.2).
// Between accounts both sides must allow.
//
// It never fails: what cannot be understood does not allow, and denies where it
// stands in a Deny. Because names for Allowed every statement that was needed, for
// ExplicitlyDenied every statement that denies, for ImplicitlyDenied the first layer
// that does not allow.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func Evaluate(req Request, set PolicySet) Decision {
	return evaluate(callerOf(&req), &req, &set)
}

func evaluate(c caller, req *Request, set *PolicySet) Decision {
	e := evaluation{req: req, set: set, caller: c}
	if because := e.denials(); len(because) > 0 {
		return Decision{Result: ExplicitlyDenied, Because: because}
	}
	return e.grants()
}

// All joins the decisions of several contexts that must all allow: an explicit denial
// anywhere wins, then an implicit one; otherwise the request is allowed for all their
// reasons. Without any decision nothing was allowed.
func All(decisions ...Decision) Decision {
	joined := Decision{Result: Allowed}
	if len(decisions) == 0 {
		return Decision{Result: ImplicitlyDenied, Because: []Reason{{Statement: -1, Text: "Nothing was evaluated, so nothing is allowed."}}}
	}
	for _, d := range decisions {
		switch {
		case d.Result == joined.Result:
			joined.Because = append(joined.Because, d.Because...)
		case d.Result == ExplicitlyDenied || joined.Result == Allowed:
			joined = Decision{Result: d.Result, Because: append([]Reason(nil), d.Because...)}
		}
	}
	return joined
}

// evaluation is one call of Evaluate.
type evaluation struct {
	req    *Request
	set    *PolicySet
	caller caller
}

// denials returns a reason for every Deny that applies.
func (e *evaluation) denials() []Reason {
	var because []Reason
	deny := func(layer Layer, policies []Policy) {
		for i := range policies {
			p := &policies[i]
			if p.Document == nil {
				continue
			}
			for j := range p.Document.Statements {
				st := &p.Document.Statements[j]
				if st.Effect != Allow && e.denies(layer, p.Document, st) {
					because = append(because, e.because(layer, p, j))
				}
			}
		}
	}
	if e.set.Resource != nil {
		deny(LayerResource, []Policy{*e.set.Resource})
	}
	deny(LayerIdentity, e.set.Identity)
	deny(LayerBoundary, e.set.Boundary)
	deny(LayerSession, e.set.Session)
	if e.set.Endpoint != nil {
		deny(LayerEndpoint, []Policy{*e.set.Endpoint})
	}
	return because
}

// grants decides a request that nothing denies explicitly.
func (e *evaluation) grants() Decision {
	because := make([]Reason, 0, 3) // an identity policy, and two more
	allow := func(r Reason) { because = append(because, r) }
	allowed := func() Decision { return Decision{Result: Allowed, Because: because} }

	if e.caller.kind == callerUnknown {
		return e.unknownCaller()
	}
	if e.set.Endpoint != nil {
		how, r := e.granted(LayerEndpoint, e.set.Endpoint)
		if how == notNamed {
			return e.lacking(LayerEndpoint)
		}
		allow(r)
	}
	how, granted := notNamed, Reason{}
	if e.set.Resource != nil {
		how, granted = e.granted(LayerResource, e.set.Resource)
	}
	sameAccount := e.caller.inAccount() && e.caller.account == e.owner()
	if how == notNamed && (!sameAccount || e.set.RequireResource) {
		return e.lacking(LayerResource)
	}
	if how != notNamed {
		allow(granted)
	}
	if !e.caller.inAccount() || how == namedDirect && sameAccount {
		return allowed()
	}
	switch {
	case e.caller.kind == callerRoot:
		allow(e.rootMay())
	case how == namedRole && sameAccount:
		// The role itself is named: no identity policy is needed (facts AWS §3.2 row 1).
	default:
		r, ok := e.allowedBy(LayerIdentity, e.set.Identity)
		if !ok {
			return e.lacking(LayerIdentity)
		}
		allow(r)
	}
	if len(e.set.Boundary) > 0 {
		r, ok := e.allowedBy(LayerBoundary, e.set.Boundary)
		if !ok {
			return e.lacking(LayerBoundary)
		}
		allow(r)
	}
	// A federated user without a session policy has no permissions (facts AWS §3.1).
	if e.set.SessionPassed || len(e.set.Session) > 0 || e.caller.kind == callerFederatedUser {
		r, ok := e.allowedBy(LayerSession, e.set.Session)
		if !ok {
			return e.lacking(LayerSession)
		}
		allow(r)
	}
	return allowed()
}

// owner returns the account that owns the resource. When it is not known, no account
// is the caller's, so that both sides have to allow.
func (e *evaluation) owner() string {
	if e.req.Account != "" {
		return e.req.Account
	}
	a, _ := splitARN(e.req.Resource)
	return a.account
}

// granted returns the strongest way in which p allows the request to the caller, and
// the statement that does.
func (e *evaluation) granted(layer Layer, p *Policy) (grant, Reason) {
	best, at := notNamed, -1
	if p.Document == nil {
		return best, Reason{}
	}
	for j := range p.Document.Statements {
		st := &p.Document.Statements[j]
		if st.Effect != Allow {
			continue
		}
		how := e.caller.named(st.Principals)
		if how > best && st.NotPrincipals == nil && e.covers(layer, p.Document, st) {
			if best, at = how, j; best == namedDirect {
				break
			}
		}
	}
	if best == notNamed {
		return best, Reason{}
	}
	return best, e.because(layer, p, at)
}

// allowedBy returns the first statement of policies without principals that allows
// the request.
func (e *evaluation) allowedBy(layer Layer, policies []Policy) (Reason, bool) {
	for i := range policies {
		p := &policies[i]
		if p.Document == nil {
			continue
		}
		for j := range p.Document.Statements {
			st := &p.Document.Statements[j]
			if st.Effect == Allow && st.Principals == nil && st.NotPrincipals == nil && e.covers(layer, p.Document, st) {
				return e.because(layer, p, j), true
			}
		}
	}
	return Reason{}, false
}
