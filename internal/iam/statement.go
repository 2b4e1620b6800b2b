package iam

import "slices"

// denies reports whether a Deny statement applies. A statement whose principals make
// no sense in its layer applies to everybody: such a document was made by hand, and
// whoever wrote a Deny meant to deny.
func (e *evaluation) denies(layer Layer, doc *Document, st *Statement) bool {
	if layer == LayerResource || layer == LayerEndpoint {
		switch {
		case st.NotPrincipals != nil:
			if e.caller.exempt(st.NotPrincipals, len(e.set.Boundary) > 0) {
				return false
			}
		case st.Principals != nil:
			if e.caller.named(st.Principals) == notNamed && !mayName(st.Principals) {
				return false
			}
		}
	}
	return e.covers(layer, doc, st)
}

// mayName reports whether p may stand for any caller: canonical user ids are not
// resolved here, and {"AWS":"*"} is not known to leave anybody out.
func mayName(p *Principals) bool {
	return len(p.CanonicalUser) > 0 || slices.Contains(p.AWS, "*")
}

// covers reports whether a statement is about the action and resource of the request
// and its conditions hold. Principals are the caller's affair.
func (e *evaluation) covers(layer Layer, doc *Document, st *Statement) bool {
	variables := doc.Version == Version2012
	return e.coversAction(st) &&
		e.coversResource(layer, st, variables) &&
		conditionsHold(st.Conditions, st.Effect, e.req.Context, variables)
}

func (e *evaluation) coversAction(st *Statement) bool {
	if len(st.Actions) > 0 == (len(st.NotActions) > 0) {
		return st.Effect != Allow // neither or both: not a statement that Parse makes
	}
	for _, pattern := range st.Actions {
		if matchAction(pattern, e.req.Action) {
			return true
		}
	}
	for _, pattern := range st.NotActions {
		if matchAction(pattern, e.req.Action) {
			return false
		}
	}
	return len(st.NotActions) > 0
}

func (e *evaluation) coversResource(layer Layer, st *Statement, variables bool) bool {
	if len(st.Resources) == 0 && len(st.NotResources) == 0 {
		// A trust policy has no resources: it is about its own role.
		return layer == LayerResource || st.Effect != Allow
	}
	if len(st.Resources) > 0 && len(st.NotResources) > 0 {
		return st.Effect != Allow
	}
	for _, pattern := range st.Resources {
		if pattern, ok := e.resourcePattern(pattern, variables); ok && matchARN(pattern, e.req.Resource) {
			return true
		}
	}
	for _, pattern := range st.NotResources {
		pattern, ok := e.resourcePattern(pattern, variables)
		if !ok && st.Effect == Allow {
			// An exception that cannot be resolved excepts nothing. In a Deny that is the
			// strict side, in an Allow it would grant what was to be excepted.
			return false
		}
		if ok && matchARN(pattern, e.req.Resource) {
			return false
		}
	}
	return len(st.NotResources) > 0
}

func (e *evaluation) resourcePattern(pattern string, variables bool) (string, bool) {
	if !variables {
		return pattern, true
	}
	return expandResource(pattern, e.req.Context)
}
