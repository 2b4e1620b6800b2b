package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

func trustChecks() []check {
	return []check{
		{"base-role/trust-workloads", "every workload gets sessions of the base role, with its tags", trustWorkloads},
		{"base-role/trust-binding", "a session's name and tags mean one organization", trustBinding},
		{"base-role/trust-others", "nobody else gets sessions of the base role", trustOthers},
	}
}

// refusal is why a workload gets no session.
type refusal struct {
	code      string
	status    Status
	who       string // the workload, or several of them
	what      string // goes on after "the base role's trust policy"
	why       string // in the words of the evaluation
	untrusted bool   // it is no principal of the policy
}

// trustWorkloads asks the trust policy for what each workload asks STS for. One cause is one
// finding, however many workloads it keeps out.
func trustWorkloads(o Observation) ([]Finding, error) {
	trust, err := o.BaseRole.trust()
	switch {
	case o.BaseRole.Role.Err != nil:
		return nil, o.baseRoleUnseen()
	case err != nil:
		return []Finding{trustUnreadable(o, err)}, nil
	}
	var refusals []refusal
	out := 0
	for _, w := range o.Workloads {
		if w.missing() {
			continue // its own finding: AWS shows a role that is gone as a principal that is none
		}
		r, ok := o.refused(trust, w)
		if !ok {
			continue
		}
		if r.untrusted {
			out++
		}
		i := slices.IndexFunc(refusals, func(have refusal) bool { return have.code == r.code })
		if i < 0 {
			refusals = append(refusals, r)
			continue
		}
		refusals[i].who += ", " + r.who
	}
	stale := staleEntries(trust)
	if len(stale) > 0 || out == len(o.Workloads) {
		refusals = together(refusals, len(stale) > 0)
	}
	var found []Finding
	for _, r := range refusals {
		found = append(found, o.trustFinding(r, stale))
	}
	someGone := slices.ContainsFunc(o.Workloads, func(w workloadSeen) bool { return w.missing() })
	if len(stale) > 0 && out == 0 && !someGone {
		found = append(found, Finding{
			Code: "trust-stale-principal", Status: Warning,
			What:        "the base role's trust policy names a role that is gone: " + strings.Join(stale, ", "),
			Evidence:    "iam:GetRole: AWS shows a unique id in place of the ARN of a principal that was deleted",
			Consequence: "none today: nobody is that principal any more",
			Fix:         trustFix(o.Installation, "write the trust policy again, without it"),
		})
	}
	return found, nil
}

func trustUnreadable(o Observation, err error) Finding {
	return Finding{
		Code: "trust-unreadable", Status: Failed,
		What:        "the base role's trust policy is not understood",
		Evidence:    fmt.Sprint(err),
		Consequence: "nobody here can say who gets sessions",
		Fix:         trustFix(o.Installation, "replace the trust policy"),
	}
}

// together makes one refusal of those that keep out who is not trusted: a role that was made
// anew, or a policy for somebody else, is one mistake.
func together(refusals []refusal, stale bool) []refusal {
	var joined *refusal
	var rest []refusal
	for _, r := range refusals {
		switch {
		case !r.untrusted:
			rest = append(rest, r)
		case joined == nil:
			joined = &r
			joined.code = "trust-workloads"
			if stale {
				joined.code = "trust-stale-principal"
			}
		default:
			joined.who += ", " + r.who
			joined.status = Failed
		}
	}
	if joined == nil {
		return rest
	}
	return append([]refusal{*joined}, rest...)
}

// refused finds out why a workload gets no session, by what would have to be otherwise.
func (o Observation) refused(trust *iam.Document, w workloadSeen) (refusal, bool) {
	in := o.Installation
	self, _ := tenants(in)
	s := roleSession(in, w.Name, w.ARN, w.Role.Value.ID, "pod")
	s.identity = everything() // what the role itself may do is another check
	plain, inherited := proper(self), proper(self, inheritedTags()...)
	if s.all(in, inherited.asked(in, trust)...).Allowed() {
		named := inherited
		named.nameWithTag = true
		if d := s.all(in, named.asked(in, trust)...); !d.Allowed() {
			return refusal{code: "trust-tag-session-name", status: Warning, who: w.Who, why: d.Because[0].Text,
				what: "refuses sts:TagSession by the session's name: AWS documents sts:RoleSessionName for sts:AssumeRole alone, and does not say that sts:TagSession lacks it"}, true
		}
		return refusal{}, false
	}
	if s.all(in, plain.asked(in, trust)...).Allowed() {
		r := refusal{
			code: "trust-inherited-tags", status: Failed, who: w.Who, what: "refuses the session tags of EKS Pod Identity",
			why: s.all(in, inherited.asked(in, trust)...).Because[0].Text,
		}
		if !w.podIdentity() {
			r.status = Warning
		}
		return r, true
	}
	asked := plain.asked(in, trust)
	for i, what := range []string{"sts:AssumeRole", "sts:TagSession"} {
		d := s.decide(in, asked[i])
		if d.Allowed() {
			continue
		}
		r := refusal{status: Failed, who: w.Who, why: d.Because[0].Text}
		if d.Result == iam.ExplicitlyDenied {
			r.code, r.what = "trust-deny", "denies "+what+" to a workload"
			return r, true
		}
		allowedWithout := func(drop func(string) bool) bool {
			q := asked[i]
			q.policy = unconditional(trust, drop)
			return s.decide(in, q).Allowed()
		}
		if !allowedWithout(func(string) bool { return true }) {
			r.code, r.what = "trust-tag-session", "lacks sts:TagSession"
			if what == "sts:AssumeRole" {
				r.code, r.what, r.untrusted = "trust-"+string(w.Workload), "does not let a workload assume the role", true
			}
			if what == "sts:AssumeRole" && w.Workload == Controlplane {
				r.status = Warning // it assumes the base role for nothing today: the guide trusts it
			}
			return r, true
		}
		r.explain(conditionKeys(trust), allowedWithout, what)
		return r, true
	}
	return refusal{}, false // unreachable: one of the two was refused
}

// explain names the condition that keeps a workload out: the one without which it would
// be let in.
func (r *refusal) explain(keys []string, allowedWithout func(func(string) bool) bool, action string) {
	culprit := strings.Join(keys, ", ")
	for _, key := range keys {
		if allowedWithout(func(k string) bool { return k == key }) {
			culprit = key
			break
		}
	}
	r.what = fmt.Sprintf("allows %s under a condition on %s that workloads do not meet", action, culprit)
	switch {
	case culprit == "sts:externalid":
		r.code = "trust-external-id"
	case strings.HasPrefix(culprit, "aws:multifactorauth"):
		r.code = "trust-mfa"
	case slices.Contains([]string{"aws:sourceip", "aws:vpcsourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn"}, culprit):
		r.code, r.status = "trust-network", Warning
		r.what = fmt.Sprintf("allows %s only to callers from certain networks, by %s", action, culprit)
	case culprit == "sts:rolesessionname" && action == "sts:TagSession":
		r.code = "trust-tag-session-name"
		r.what = "allows sts:TagSession under a condition on sts:RoleSessionName, which AWS documents for sts:AssumeRole alone"
	case culprit == "sts:rolesessionname":
		r.code = "trust-session-name-refused"
	case strings.HasPrefix(culprit, "aws:requesttag/") || culprit == "aws:tagkeys":
		r.code = "trust-tag-refused"
	case judged(culprit):
		r.code = "trust-condition"
	default: // perhaps they meet it: nobody here can know
		r.code, r.status = "trust-condition", Warning
		r.what = fmt.Sprintf("allows %s under a condition on %s, which is not known to hold for workloads", action, culprit)
	}
}

func (o Observation) trustFinding(r refusal, stale []string) Finding {
	in := o.Installation
	f := Finding{
		Code: r.code, Status: r.status,
		What:        "the base role's trust policy " + r.what + ": " + r.who,
		Evidence:    r.why,
		Consequence: "sts:AssumeRole fails for " + r.who + ": no organization gets a session there",
		Fix:         trustFix(in, "replace the trust policy"),
	}
	switch r.code {
	case "trust-tag-session":
		f.Consequence = "AWS refuses every session with a tag, and answers AccessDenied for sts:TagSession; under EKS Pod Identity even those without: " + r.who + " cannot work"
		f.Fix.Text = "allow sts:TagSession beside sts:AssumeRole"
	case "trust-inherited-tags":
		f.Consequence = "a pod with EKS Pod Identity hands its six tags on to every role that it assumes, and AWS refuses the session where they are not admitted"
		f.Fix.Text = "admit the tags; or keep the policy and set disable_session_tags on every Pod Identity association of the workloads"
	case "trust-stale-principal":
		f.What = "the base role's trust policy names a role that is gone in place of " + r.who + ": " + strings.Join(stale, ", ")
		f.Evidence = "iam:GetRole: AWS shows a unique id in place of the ARN of a principal that was deleted; a role made anew under the same name is another principal"
		f.Fix.Text = "write the trust policy again: AWS then looks up who has the name today"
	}
	if r.status == Warning && !r.untrusted {
		f.Consequence = "where it does not hold, " + f.Consequence
	}
	return f
}

// staleEntries are the unique ids that Allow statements name.
func staleEntries(trust *iam.Document) []string {
	var ids []string
	for _, st := range trust.Statements {
		if st.Effect == iam.Allow && st.Principals != nil {
			for _, entry := range st.Principals.AWS {
				if strings.HasPrefix(entry, "AROA") || strings.HasPrefix(entry, "AIDA") {
					ids = append(ids, entry)
				}
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// podIdentity reports whether the role is one that EKS Pod Identity gives to pods, or may
// be: it is not known otherwise.
func (w workloadSeen) podIdentity() bool {
	trust, err := w.trust()
	if err != nil {
		return true
	}
	return slices.ContainsFunc(trust.Statements, func(st iam.Statement) bool {
		return st.Effect == iam.Allow && st.Principals != nil && slices.Contains(st.Principals.Service, podIdentityService)
	})
}

const podIdentityService = "pods.eks.amazonaws.com"
