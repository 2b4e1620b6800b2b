package iam

// grammar is what a kind of document may and must contain.
type grammar struct {
	id            bool // Id is allowed
	principal     bool // Principal or NotPrincipal is required; otherwise forbidden
	notPrincipal  bool // NotPrincipal is allowed
	canonicalUser bool // Principal may hold CanonicalUser, which only S3 knows
	resource      bool // Resource or NotResource is required; otherwise forbidden
	strictSid     bool // Sid is [A-Za-z0-9]* and unique, as IAM demands of its own policies
	stsOnly       bool // all actions are sts actions
}

// grammars is a constant table: the notes of
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
// and, for NotPrincipal, of reference_policies_elements_notprincipal.html.
var grammars = map[Kind]grammar{
	KindIdentity: {resource: true, strictSid: true},
	KindSession:  {resource: true, strictSid: true},
	KindTrust:    {id: true, principal: true, strictSid: true, stsOnly: true},
	KindBucket:   {id: true, principal: true, notPrincipal: true, canonicalUser: true, resource: true},
	KindAP:       {id: true, principal: true, notPrincipal: true, canonicalUser: true, resource: true},
	KindKey:      {id: true, principal: true, notPrincipal: true, resource: true},
	KindEndpoint: {id: true, principal: true, notPrincipal: true, resource: true},
	KindResource: {id: true, principal: true, notPrincipal: true, canonicalUser: true, resource: true},
}
