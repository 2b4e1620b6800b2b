package doctor

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/isolation"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// enemy changes the base role's documents at random, as mistakes and malice do.
type enemy struct {
	*rand.Rand
	in tenancy.Installation
}

func pick[T any](e enemy, all ...T) T { return all[e.IntN(len(all))] }

// one returns what changes some statement of a document, always the same.
func (e enemy) one(d *iam.Document) func(change func(*iam.Statement) bool) *iam.Document {
	target := e.IntN(len(d.Statements))
	return func(change func(*iam.Statement) bool) *iam.Document {
		i := -1
		return edit(d, func(st *iam.Statement) bool {
			if i++; i == target {
				return change(st)
			}
			return true
		})
	}
}

// trust makes one change of a trust policy.
func (e enemy) trust(d *iam.Document) (string, *iam.Document) {
	one := e.one(d)
	principals := []iam.Principals{
		{Any: true}, {AWS: []string{e.in.RootARN()}}, {AWS: []string{"*"}}, {AWS: []string{"999999999999"}},
		{AWS: []string{"arn:aws:iam::" + account + ":role/other"}}, {Service: []string{"ec2.amazonaws.com"}},
		{AWS: []string{e.in.BaseRoleARN()}}, {AWS: []string{pick(e, e.in.WorkloadRoleARNs()...)}},
	}
	switch e.IntN(7) {
	case 0:
		if len(d.Statements) == 1 {
			return "nothing", d // AWS keeps no policy without statements
		}
		return "a statement is gone", one(func(*iam.Statement) bool { return false })
	case 1:
		p := pick(e, principals...)
		return fmt.Sprintf("principals are %+v", p), one(func(st *iam.Statement) bool { st.Principals = &p; return true })
	case 2:
		p := pick(e, principals...)
		actions := pick(e, []string{"sts:AssumeRole"}, []string{"sts:TagSession"}, []string{"sts:*"}, []string{"sts:Assume*"})
		return fmt.Sprintf("%v besides for %+v", actions, p), also(d, iam.Statement{Effect: iam.Allow, Principals: &p, Actions: actions})
	case 3:
		return "a condition is gone", one(func(st *iam.Statement) bool {
			if len(st.Conditions) > 0 {
				st.Conditions = slices.Delete(st.Conditions, 0, 1+e.IntN(len(st.Conditions)))
			}
			return true
		})
	case 4:
		c := pick(e, when("StringEqualsIgnoreCase", "sts:ExternalId", "x"), when("Bool", "aws:MultiFactorAuthPresent", "true"),
			when("StringNotLike", "sts:RoleSessionName", "cas-*"), when("StringEqualsIgnoreCase", "aws:RequestTag/org", "x"), when("StringLike", "aws:PrincipalTag/team", "*"))
		return fmt.Sprintf("a condition more: %+v", c), one(func(st *iam.Statement) bool { st.Conditions = append(st.Conditions, c); return true })
	case 5:
		actions := pick(e, []string{"sts:AssumeRole"}, []string{"sts:TagSession"}, []string{"sts:*"}, []string{"sts:AssumeRole", "sts:TagSession"})
		return fmt.Sprintf("actions are %v", actions), one(func(st *iam.Statement) bool { st.Actions = actions; return true })
	}
	return "a denial", also(d, iam.Statement{Effect: iam.Deny, Principals: &iam.Principals{Any: true}, Actions: []string{pick(e, "sts:AssumeRole", "sts:TagSession", "sts:*")}})
}

// permissions makes one change of a permission policy.
func (e enemy) permissions(d *iam.Document) (string, *iam.Document) {
	one := e.one(d)
	self, _ := tenants(e.in)
	resource := pick(e, "*", self.APARN()+"/object/*", "arn:aws:s3:eu-west-1:"+account+":accesspoint/cas-*/object/*", e.in.ObjectsARN(), e.in.KMSKeyARN)
	action := pick(e, "*", "s3:*", "s3:GetObject", "s3:PutObject", "s3:ListBucket", "kms:*", "kms:Decrypt", "iam:*", "sts:AssumeRole")
	switch e.IntN(5) {
	case 0:
		if len(d.Statements) == 1 {
			return "nothing", d
		}
		return "a statement is gone", one(func(*iam.Statement) bool { return false })
	case 1:
		return "resources are " + resource, one(func(st *iam.Statement) bool { st.Resources = []string{resource}; return true })
	case 2:
		return "a condition is gone", one(func(st *iam.Statement) bool { st.Conditions = nil; return true })
	case 3:
		return action + " besides on " + resource, also(d, iam.Statement{Effect: iam.Allow, Actions: []string{action}, Resources: []string{resource}})
	}
	return "a denial of " + action, also(d, iam.Statement{Effect: iam.Deny, Actions: []string{action}, Resources: []string{"*"}})
}

// Whatever breaks the proof of isolation, or what an organization must be able to do, has a
// finding.
func TestNoMistakeInTheBaseRoleGoesUnseen(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	seed := uint64(3174940658238056699) // the first that found something
	e := enemy{rand.New(rand.NewPCG(seed, 1)), in}
	broken := 0
	for range rounds {
		trust, permissions := in.BaseRoleTrust(), in.BaseRolePermissions()
		var done []string
		for range 1 + e.IntN(2) {
			var what string
			if e.IntN(2) == 0 && len(trust.Statements) > 0 {
				what, trust = e.trust(trust)
				what = "trust: " + what
			} else if len(permissions.Statements) > 0 {
				what, permissions = e.permissions(permissions)
				what = "permissions: " + what
			}
			done = append(done, what)
		}
		s := isolation.SchemeOf(in, "AROABASEROLE00000001")
		s.BaseRoleTrust, s.BaseRole = trust, permissions
		report, err := s.Prove()
		if err != nil {
			t.Fatal(err)
		}
		failures := report.Failures()
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		o.BaseRole.Role.Value.Trust = jsonOf(trust)
		o.BaseRole.Inline = inlined(iam.Policy{Name: inlinePolicy, Document: permissions})
		found, unseen := codesOf(o, baseRoleChecks())
		if len(unseen) > 0 {
			t.Errorf("seed %d: %s: unseen %v", seed, strings.Join(done, "; "), unseen)
		}
		if len(failures) == 0 {
			continue
		}
		broken++
		if len(found) == 0 {
			t.Errorf("seed %d: %s: no finding, and the proof fails: %+v", seed, strings.Join(done, "; "), failures[0].Attempt)
		}
	}
	if broken < rounds/5 {
		t.Errorf("only %d of %d rounds broke something: the enemy is too weak", broken, rounds)
	}
	t.Logf("seed %d: %d of %d rounds broke something", seed, broken, rounds)
}

// What means the same is no finding, however it is written.
func TestNoSpellingOfTheBaseRoleIsAMistake(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	const seed = 7
	e := enemy{rand.New(rand.NewPCG(seed, 2)), in}
	for range 200 {
		trust, permissions := e.rewritten(in.BaseRoleTrust()), e.rewritten(in.BaseRolePermissions())
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		o.BaseRole.Role.Value.Trust = jsonOf(trust)
		split := e.IntN(len(permissions.Statements) + 1)
		head, tail := *permissions, *permissions
		head.Statements, tail.Statements = permissions.Statements[:split], permissions.Statements[split:]
		o.BaseRole.Inline = inlined()
		for i, part := range []*iam.Document{&head, &tail} {
			if len(part.Statements) > 0 {
				o.BaseRole.Inline.Value = append(o.BaseRole.Inline.Value, inlined(iam.Policy{Name: fmt.Sprintf("part-%d", i), Document: part}).Value...)
			}
		}
		if found, unseen := codesOf(o, baseRoleChecks()); len(found)+len(unseen) > 0 {
			t.Fatalf("seed %d: found %v, unseen %v\n%s\n%s", seed, found, unseen, jsonOf(trust), jsonOf(permissions))
		}
	}
}

// rewritten says the same in another way: other order, other names, a statement for each
// action, principal or resource.
func (e enemy) rewritten(d *iam.Document) *iam.Document {
	c := &iam.Document{Version: d.Version}
	for _, st := range d.Statements {
		st.Sid = ""
		parts := []iam.Statement{st}
		if e.IntN(2) == 0 {
			parts = nil
			for _, action := range st.Actions {
				one := st
				one.Actions = []string{pick(e, action, strings.ToUpper(action))}
				parts = append(parts, one)
			}
		}
		if st.Principals != nil && e.IntN(2) == 0 {
			var each []iam.Statement
			for _, part := range parts {
				for _, arn := range part.Principals.AWS {
					one := part
					one.Principals = &iam.Principals{AWS: []string{arn}}
					each = append(each, one)
				}
			}
			parts = each
		}
		c.Statements = append(c.Statements, parts...)
	}
	e.Shuffle(len(c.Statements), func(i, j int) { c.Statements[i], c.Statements[j] = c.Statements[j], c.Statements[i] })
	return c
}
