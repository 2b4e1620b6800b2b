package doctor

import (
	"maps"
	"strconv"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// subject is a session of a role whose policies are asked what it may do.
type subject struct {
	principal string // ARN of the session, or another principal
	role      string // ARN of the role; empty: principal is no session
	account   string
	userID    string
	tags      map[string]string // of the session
	identity  []iam.Policy
	boundary  []iam.Policy
	session   *iam.Document // session policy; nil: none was passed
}

// request is one question about a subject.
type request struct {
	action, resource string
	keys             iam.Context
	policy           *iam.Document // of the resource; nil: identity policies alone decide
	mustAllow        bool          // the resource's policy itself must allow
}

// decide evaluates one request in the account of the installation.
func (s subject) decide(in tenancy.Installation, r request) iam.Decision {
	set := iam.PolicySet{Identity: s.identity, Boundary: s.boundary, RequireResource: r.mustAllow}
	if s.session != nil {
		set.Session, set.SessionPassed = []iam.Policy{{Name: "session policy", Document: s.session}}, true
	}
	if r.policy != nil {
		set.Resource = &iam.Policy{Document: r.policy}
	}
	return iam.Evaluate(iam.Request{
		Principal: s.principal, PrincipalRole: s.role,
		Action: r.action, Resource: r.resource, Account: in.AccountID,
		Context: s.context(in, r.keys),
	}, set)
}

// all evaluates requests that must all be allowed.
func (s subject) all(in tenancy.Installation, requests ...request) iam.Decision {
	var decisions []iam.Decision
	for _, r := range requests {
		decisions = append(decisions, s.decide(in, r))
	}
	return iam.All(decisions...)
}

// context has the condition keys of every request (facts AWS §2.4). Those that
// nobody here can know, such as aws:SourceIp, are absent.
func (s subject) context(in tenancy.Installation, more iam.Context) iam.Context {
	c := iam.Context{}
	switch {
	case s.role != "":
		c.Set("aws:PrincipalArn", s.role)
		c.Set("aws:PrincipalType", "AssumedRole")
	case s.account != "":
		c.Set("aws:PrincipalArn", s.principal)
		c.Set("aws:PrincipalType", "User")
	}
	if s.account != "" {
		c.Set("aws:PrincipalAccount", s.account)
		c.Set("aws:userid", s.userID)
	}
	c.Set("aws:ResourceAccount", in.AccountID)
	c.Set("aws:RequestedRegion", in.Region)
	c.Set("aws:SecureTransport", strconv.FormatBool(!in.Loopback))
	for key, value := range s.tags {
		c.Set("aws:PrincipalTag/"+key, value)
	}
	maps.Copy(c, more)
	return c
}

// roleSession is a session of a role of the installation's account.
func roleSession(in tenancy.Installation, name, arn, id, session string) subject {
	return subject{
		principal: "arn:" + in.Partition + ":sts::" + in.AccountID + ":assumed-role/" + name + "/" + session,
		role:      arn, account: in.AccountID, userID: id + ":" + session,
	}
}

// tenants are two organizations that nobody has, neighbours in their last digit: a pattern
// that means one of them by a part of its name means the other as well.
func tenants(in tenancy.Installation) (self, other tenancy.Tenant) {
	var ids [2]org.ID
	for i, text := range []string{"d0c70400-0000-4000-8000-000000000001", "d0c70400-0000-4000-8000-000000000002"} {
		if err := ids[i].UnmarshalText([]byte(text)); err != nil {
			panic(err) // unreachable: the texts are constants
		}
	}
	return in.Tenant(ids[0]), in.Tenant(ids[1])
}

// everything allows everything, as an administrator's policy does.
func everything() []iam.Policy {
	return []iam.Policy{{Name: "everything", Document: &iam.Document{
		Version:    iam.Version2012,
		Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}},
	}}}
}
