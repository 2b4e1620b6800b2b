package isolation

import (
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// actor is who attempts something, with the policies that limit it.
type actor struct {
	name      string
	principal string // ARN
	role      string // ARN of the role behind it
	userID    string
	tags      map[string]string
	identity  []iam.Policy
	session   []iam.Policy
	limited   bool // a session policy was passed
}

// tenantSession is a session of the base role for one organization. policyOf is the
// organization whose session policy it was given: its own, if all is well.
func (s Scheme) tenantSession(of, policyOf tenancy.Tenant) actor {
	in := s.Installation
	a := actor{
		name:      "session of " + of.ID().String(),
		principal: sessionARN(in, in.BaseRoleName, of.SessionName()),
		role:      in.BaseRoleARN(),
		userID:    s.BaseRoleID + ":" + of.SessionName(),
		tags:      of.SessionTags(),
		identity:  []iam.Policy{{Name: "permissions of the base role", Document: s.BaseRole}},
	}
	if doc := s.Session(policyOf); doc != nil {
		a.session = []iam.Policy{{Name: "session policy of " + policyOf.ID().String(), Document: doc}}
		a.limited = true
	}
	return a
}

// workload is a role acting by itself, without the base role.
func (s Scheme) workload(role string, permissions *iam.Document) actor {
	in := s.Installation
	return actor{
		name:      "role " + role,
		principal: sessionARN(in, role, "pod"),
		role:      "arn:" + in.Partition + ":iam::" + in.AccountID + ":role/" + role,
		userID:    "AROAANOTHERROLE:pod",
		identity:  []iam.Policy{{Name: "permissions of " + role, Document: permissions}},
	}
}

func (s Scheme) backend() actor { return s.workload(s.Installation.BackendRoleName, s.Backend) }

func (s Scheme) controlplane() actor {
	return s.workload(s.Installation.ControlplaneRoleName, s.Controlplane)
}

// administrator is a role of the account that IAM allows everything.
func (s Scheme) administrator() actor {
	return s.workload("administrator", everythingAllowed())
}

func sessionARN(in tenancy.Installation, role, session string) string {
	return "arn:" + in.Partition + ":sts::" + in.AccountID + ":assumed-role/" + role + "/" + session
}

// ask is one question of AWS's: an action on a resource in one context.
type ask struct {
	action, resource string
	policy           *iam.Policy // of the resource
	mustAllow        bool        // the resource's policy itself must allow
	keys             iam.Context
}

// decide evaluates all the contexts of one request.
func (s Scheme) decide(a actor, asks ...ask) iam.Decision {
	decisions := make([]iam.Decision, len(asks))
	for i, q := range asks {
		decisions[i] = iam.Evaluate(iam.Request{
			Principal:     a.principal,
			PrincipalRole: a.role,
			Action:        q.action,
			Resource:      q.resource,
			Account:       s.Installation.AccountID,
			Context:       s.context(a, q.keys),
		}, iam.PolicySet{
			Identity:        a.identity,
			Session:         a.session,
			SessionPassed:   a.limited,
			Resource:        q.policy,
			RequireResource: q.mustAllow,
		})
	}
	return iam.All(decisions...)
}

// context holds the condition keys that every request of the actor has (facts AWS
// §2.4), and those of this one.
func (s Scheme) context(a actor, keys iam.Context) iam.Context {
	c := iam.Context{}
	c.Set("aws:PrincipalArn", a.role)
	c.Set("aws:PrincipalAccount", s.Installation.AccountID)
	c.Set("aws:PrincipalType", "AssumedRole")
	c.Set("aws:userid", a.userID)
	c.Set("aws:ResourceAccount", s.Installation.AccountID)
	c.Set("aws:RequestedRegion", s.Installation.Region)
	c.Set("aws:SecureTransport", "true")
	for key, value := range a.tags {
		c.Set("aws:PrincipalTag/"+key, value)
	}
	for key, values := range keys {
		c.Set(key, values...)
	}
	return c
}
