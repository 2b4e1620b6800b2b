package doctor

import (
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// inheritedTags are the session tags of EKS Pod Identity, which a pod's session hands on
// to every role that it assumes (facts AWS §8).
func inheritedTags() []string {
	return []string{
		"eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace",
		"kubernetes-service-account", "kubernetes-pod-name", "kubernetes-pod-uid",
	}
}

// assumption is one way to ask for a session of the base role.
type assumption struct {
	what      string // for a person
	name      string // of the session
	tags      map[string]string
	inherited []string // keys of tags that the caller's session hands on
	// nameWithTag: sts:TagSession has the session name too. AWS does not say that it has not,
	// and what must be refused has to be refused either way.
	nameWithTag bool
}

// eitherWay are the assumption with and without the session name at sts:TagSession.
func (a assumption) eitherWay() []assumption {
	b := a
	b.nameWithTag = true
	return []assumption{a, b}
}

// asked are the requests that an assumption is to a trust policy: each action with the
// condition keys that are documented for it, as the embedded AWS sets them. What depends
// on sts:RoleSessionName in a statement about sts:TagSession does not hold.
func (a assumption) asked(in tenancy.Installation, trust *iam.Document) []request {
	c, tagKeys := iam.Context{}, []string{}
	for key, value := range a.tags {
		c.Set("aws:RequestTag/"+key, value)
		tagKeys = append(tagKeys, key)
	}
	slices.Sort(tagKeys)
	of := func(action string) request {
		return request{action: action, resource: in.BaseRoleARN(), policy: trust, mustAllow: true, keys: iam.Context{}}
	}
	assume, tag := of("sts:AssumeRole"), of("sts:TagSession")
	for key, values := range c {
		assume.keys.Set(key, values...)
		tag.keys.Set(key, values...)
	}
	assume.keys.Set("sts:RoleSessionName", a.name)
	assume.keys.Set("aws:TagKeys", tagKeys...)
	tag.keys.Set("aws:TagKeys", append(tagKeys, a.inherited...)...)
	if a.nameWithTag {
		tag.keys.Set("sts:RoleSessionName", a.name)
	}
	if len(tagKeys)+len(a.inherited) == 0 {
		return []request{assume}
	}
	return []request{assume, tag}
}

// proper is what the workloads ask for.
func proper(self tenancy.Tenant, inherited ...string) assumption {
	return assumption{what: "one organization", name: self.SessionName(), tags: self.SessionTags(), inherited: inherited}
}

// improper is what nobody must get: sessions whose name and tag mean different
// organizations, or none. Each is an attempt that package isolation makes too.
func improper(self, other tenancy.Tenant) []assumption {
	tag := func(value string) map[string]string { return map[string]string{tenancy.SessionTag: value} }
	return []assumption{
		{what: "the name of one organization and the tag of another", name: self.SessionName(), tags: other.SessionTags()},
		{what: "a name and no tag", name: other.SessionName()},
		{what: "a name and no tag but those of EKS Pod Identity", name: other.SessionName(), inherited: inheritedTags()},
		{what: "an empty tag", name: "cas-", tags: tag("")},
		{what: "a name that is the tag alone", name: other.ID().String(), tags: other.SessionTags()},
		{what: "a tag that is no organization", name: "cas-admin", tags: tag("admin")},
	}
}

// otherwiseNamed are sessions without a tag, of the names that a trust policy asks for.
func otherwiseNamed(trust *iam.Document) []assumption {
	var all []assumption
	for _, st := range trust.Statements {
		for _, c := range st.Conditions {
			if st.Effect == iam.Allow && strings.EqualFold(c.Key, "sts:RoleSessionName") {
				for _, name := range examples(c.Values) {
					all = append(all, assumption{what: "a name and no tag", name: name})
				}
			}
		}
	}
	return all
}

// surplus is a session with a tag that nobody needs.
func surplus(self tenancy.Tenant) assumption {
	tags := self.SessionTags()
	tags["team"] = "doctor"
	return assumption{what: "a tag too many", name: self.SessionName(), tags: tags}
}

// unconditional returns a copy of the document whose Allow statements do not have the
// conditions on keys that drop chooses.
func unconditional(d *iam.Document, drop func(key string) bool) *iam.Document {
	c := *d
	c.Statements = slices.Clone(d.Statements)
	for i := range c.Statements {
		st := &c.Statements[i]
		if st.Effect == iam.Allow {
			st.Conditions = slices.DeleteFunc(slices.Clone(st.Conditions), func(c iam.Condition) bool { return drop(strings.ToLower(c.Key)) })
		}
	}
	return &c
}

// generous returns the document as it is for who meets all conditions that nobody here
// can judge: those of Allow statements hold, and those of Deny statements do not.
func generous(d *iam.Document) *iam.Document { return generousBut(d, judged) }

// generousBut is generous with all condition keys, in lower case, but those that known
// chooses.
func generousBut(d *iam.Document, known func(key string) bool) *iam.Document {
	c := unconditional(d, func(key string) bool { return !known(key) })
	c.Statements = slices.DeleteFunc(c.Statements, func(st iam.Statement) bool {
		return st.Effect != iam.Allow && slices.ContainsFunc(st.Conditions, func(c iam.Condition) bool { return !known(strings.ToLower(c.Key)) })
	})
	return c
}

// judged reports whether a condition key, in lower case, is one that a subject has.
func judged(key string) bool {
	return strings.HasPrefix(key, "aws:requesttag/") || slices.Contains([]string{
		"aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid",
		"aws:tagkeys", "sts:rolesessionname", "aws:requestedregion", "aws:securetransport",
	}, key)
}

// conditionKeys are the condition keys of the Allow statements, in lower case.
func conditionKeys(d *iam.Document) []string {
	var all []string
	for _, st := range d.Statements {
		if st.Effect == iam.Allow {
			for _, c := range st.Conditions {
				all = append(all, strings.ToLower(c.Key))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
