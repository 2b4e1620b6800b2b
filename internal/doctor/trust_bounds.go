package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// trustBinding looks for sessions that workloads can get and should not: where name and tag
// may differ, access point policies, which compare the name, and the other documents, which
// use the tag, may mean different organizations.
func trustBinding(o Observation) ([]Finding, error) {
	trust, err := o.BaseRole.trust()
	if err != nil {
		return nil, o.trustUnseen(err)
	}
	in := o.Installation
	self, other := tenants(in)
	trust = strangersOut(in, generous(trust))
	given := func(a assumption) string {
		for _, w := range o.Workloads {
			s := roleSession(in, w.Name, w.ARN, w.Role.Value.ID, "pod")
			s.identity = everything()
			for _, a := range a.eitherWay() {
				if d := s.all(in, a.asked(in, trust)...); d.Allowed() {
					return d.Because[0].Text
				}
			}
		}
		return ""
	}
	var unbound []string
	var evidence string
	for _, a := range append(improper(self, other), otherwiseNamed(trust)...) {
		if why := given(a); why != "" && !slices.Contains(unbound, a.what) {
			unbound, evidence = append(unbound, a.what), why
		}
	}
	if len(unbound) > 0 {
		return []Finding{{
			Code: "trust-session-name", Status: Warning,
			What:        "the base role's trust policy gives workloads sessions with " + strings.Join(unbound, "; with "),
			Evidence:    evidence,
			Consequence: "a mistake in a workload can make a session that some policies take for one organization and some for another",
			Fix:         trustFix(in, "bind the session name to the tag: replace the trust policy"),
		}}, nil
	}
	if why := given(surplus(self)); why != "" {
		return []Finding{{
			Code: "trust-tag-keys", Status: Warning,
			What:        "the base role's trust policy admits session tags that nobody needs",
			Evidence:    why,
			Consequence: "whoever can become a workload can tag sessions for policies of others that trust tags",
			Fix:         trustFix(in, "list the tags that are admitted: replace the trust policy"),
		}}, nil
	}
	return nil, nil
}

func (o Observation) trustUnseen(err error) error {
	if o.BaseRole.missing() {
		return errNoBaseRole
	}
	return err
}

// trustOthers looks for anybody else who gets a session. Conditions that cannot be judged
// here are taken as met: a door with a lock is a door.
func trustOthers(o Observation) ([]Finding, error) {
	trust, err := o.BaseRole.trust()
	if err != nil {
		return nil, o.trustUnseen(err)
	}
	var found []Finding
	for _, stranger := range strangers(o.Installation, trust) {
		why := stranger.enters(o.Installation, openly(trust))
		if why == "" {
			continue
		}
		if i := slices.IndexFunc(found, func(f Finding) bool { return f.Code == stranger.code }); i >= 0 {
			found[i].What += ", " + stranger.entry
			continue
		}
		found = append(found, Finding{
			Code: stranger.code, Status: Failed,
			What:        "the base role's trust policy lets in who is no workload: " + stranger.entry,
			Evidence:    why,
			Consequence: "a session of the base role that no workload asked for can have no session policy: what keeps it from other organizations is one layer less",
			Fix:         trustFix(o.Installation, "trust the workloads alone: replace the trust policy"),
		})
	}
	if slices.ContainsFunc(found, func(f Finding) bool { return f.Code == "trust-anyone" }) {
		found = slices.DeleteFunc(found, func(f Finding) bool { return f.Code != "trust-anyone" })
	}
	return found, nil
}

// strangersOut leaves out the Allow statements by which strangers get in: what these give to
// workloads besides is no mistake of its own.
func strangersOut(in tenancy.Installation, trust *iam.Document) *iam.Document {
	c := *trust
	c.Statements = slices.DeleteFunc(slices.Clone(trust.Statements), func(st iam.Statement) bool {
		alone := &iam.Document{Version: trust.Version, Statements: []iam.Statement{st}}
		for _, other := range trust.Statements {
			// A stranger may also have a tag by one statement and the role by another.
			if other.Effect != iam.Allow || slices.Equal(other.Actions, []string{"sts:TagSession"}) {
				alone.Statements = append(alone.Statements, other)
			}
		}
		return slices.ContainsFunc(strangers(in, alone), func(s stranger) bool { return s.enters(in, alone) != "" })
	})
	return &c
}

// stranger is a principal of the trust policy that is no workload, and who it stands for.
type stranger struct {
	code, entry string
	subject     subject
	actions     []string
}

// strangers are the principals of Allow statements that are none of the workloads.
func strangers(in tenancy.Installation, trust *iam.Document) []stranger {
	var all []stranger
	add := func(code, entry string, s subject, actions ...string) {
		s.identity = everything()
		all = append(all, stranger{code, entry, s, append(actions, "sts:AssumeRole")})
	}
	for _, st := range trust.Statements {
		if st.Effect != iam.Allow || st.Principals == nil {
			continue
		}
		if st.Principals.Any || slices.Contains(st.Principals.AWS, "*") {
			add("trust-anyone", "*", somebody(in, in.AccountID))
			add("trust-anyone", "*", somebody(in, "000000000000"))
		}
		for _, entry := range slices.Concat(slices.DeleteFunc(slices.Clone(st.Principals.AWS), anybody), meant(in, st)) {
			if code, s, ok := principal(in, entry); ok {
				add(code, entry, s)
			}
		}
		for _, entry := range st.Principals.Service {
			add("trust-service", entry, subject{principal: entry})
		}
		for _, entry := range st.Principals.Federated {
			add("trust-federated", entry, subject{principal: entry}, "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML")
		}
	}
	return all
}

func anybody(entry string) bool { return entry == "*" }

// meant are the principals that a statement's conditions mean, some one for each pattern.
func meant(in tenancy.Installation, st iam.Statement) []string {
	var all []string
	for _, c := range st.Conditions {
		for _, value := range c.Values {
			switch strings.ToLower(c.Key) {
			case "aws:principalarn":
				all = append(all, someARN(in, value))
			case "aws:principalaccount":
				all = append(all, matching(value))
			}
		}
	}
	return all
}

// openly is a trust policy as generous makes it for whoever may be any kind of principal,
// under any id, and ask in any Region: none of that tells who somebody is.
func openly(trust *iam.Document) *iam.Document {
	return generousBut(trust, func(key string) bool {
		return judged(key) && !slices.Contains([]string{"aws:principaltype", "aws:userid", "aws:requestedregion", "aws:securetransport"}, key)
	})
}

// principal is who an entry of "AWS" stands for; false: a workload, or nobody any more.
func principal(in tenancy.Installation, entry string) (code string, s subject, ok bool) {
	account := entry
	if parts := strings.SplitN(entry, ":", 6); len(parts) == 6 {
		account = parts[4]
	}
	own := account == in.AccountID
	switch {
	case strings.HasPrefix(entry, "A"): // a unique id: stalePrincipals
		return "", s, false
	case own && isWorkload(in, entry):
		return "", s, false
	case account == entry || strings.HasSuffix(entry, ":root"):
		s = somebody(in, account)
	default:
		s = principalNamed(in, entry, account)
	}
	switch {
	case !own:
		return "trust-other-account", s, true
	case account == entry || strings.HasSuffix(entry, ":root"):
		return "trust-account", s, true
	}
	return "trust-other-principal", s, true
}

// isWorkload also knows a workload by one of its sessions.
func isWorkload(in tenancy.Installation, entry string) bool {
	return slices.ContainsFunc(workloads(in), func(w workloadSeen) bool {
		return entry == w.ARN || strings.HasPrefix(entry, fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/", in.Partition, in.AccountID, w.Name))
	})
}

// somebody is an administrator of an account that policies have never heard of.
func somebody(in tenancy.Installation, account string) subject {
	in.AccountID = account
	return roleSession(in, "somebody", "arn:"+in.Partition+":iam::"+account+":role/somebody", "AROASOMEBODY00000001", "x")
}

// principalNamed is a role by its ARN, or another principal as it stands.
func principalNamed(in tenancy.Installation, entry, account string) subject {
	in.AccountID = account
	if i := strings.LastIndex(entry, "/"); strings.Contains(entry, ":role/") && i >= 0 {
		return roleSession(in, entry[i+1:], entry, "AROASOMEBODY00000001", "x")
	}
	return subject{principal: entry, account: account, userID: "AIDASOMEBODY00000001"}
}

// enters returns why the stranger gets a session, of whatever name and tags.
func (s stranger) enters(in tenancy.Installation, trust *iam.Document) string {
	self, other := tenants(in)
	var all []assumption
	for _, a := range append(improper(self, other), proper(self), surplus(self)) {
		all = append(all, a.eitherWay()...)
	}
	for _, a := range all {
		for _, action := range s.actions {
			asked := a.asked(in, trust)
			asked[0].action = action
			if d := s.subject.all(in, asked...); d.Allowed() {
				return d.Because[0].Text
			}
		}
	}
	return ""
}
