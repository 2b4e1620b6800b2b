package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// workloadTrust looks at how pods get a workload's role: by EKS Pod Identity or by IRSA.
// Which pods Pod Identity gives it to is for its associations to say, which are not seen
// here; with IRSA the trust policy says it.
func workloadTrust(o Observation, w workloadSeen) ([]Finding, error) {
	if w.Role.Err != nil {
		return nil, w.unseen()
	}
	trust, err := w.trust()
	if err != nil {
		return nil, fmt.Errorf("trust policy of role %s: %w", w.Name, err)
	}
	in := o.Installation
	opened := openTo(in, w, trust)
	pods, podsWell := podIdentityTrust(in, w, trust)
	irsa, irsaWell := irsaTrust(in, w, trust, podsWell)
	if !podsWell && !irsaWell && len(pods)+len(irsa)+len(opened) == 0 {
		return []Finding{{
			Code: "workload-trust", Status: Warning,
			What:        fmt.Sprintf("role %s of %s trusts neither EKS Pod Identity nor an OIDC provider", w.Name, w.Who),
			Evidence:    "iam:GetRole: no statement lets pods.eks.amazonaws.com or web identities assume it",
			Consequence: "pods do not get the role",
			Fix:         workloadTrustFix(in, w, "let EKS Pod Identity have it, or put the trust policy for IRSA (deploy/policies/templates/workload-trust-irsa.json)"),
		}}, nil
	}
	return slices.Concat(opened, pods, irsa), nil
}

func workloadTrustFix(in tenancy.Installation, w workloadSeen, text string) Fix {
	trust := in.WorkloadTrustPodIdentity()
	return Fix{Text: text, Commands: []string{putTrust(w.Name, trust)}, Document: compact(trust)}
}

// podIdentityTrust asks as EKS does: for the role, with tags. well: pods get it so.
func podIdentityTrust(in tenancy.Installation, w workloadSeen, trust *iam.Document) (found []Finding, well bool) {
	s := subject{principal: podIdentityService}
	kept := func(key string) bool { return key == "aws:sourceaccount" }
	ask := func(d *iam.Document, action string) iam.Decision {
		return s.decide(in, request{action: action, resource: w.ARN, policy: d, mustAllow: true, keys: keys("aws:SourceAccount", in.AccountID)})
	}
	known := generousBut(trust, kept)
	assume, tag := ask(known, "sts:AssumeRole"), ask(known, "sts:TagSession")
	f := Finding{Status: Failed, Consequence: "EKS Pod Identity gives pods of " + w.Who + " no credentials"}
	switch {
	case assume.Allowed() && tag.Allowed():
		return nil, true
	case assume.Allowed():
		f.Code, f.Evidence = "workload-trust-tag-session", tag.Because[0].Text
		f.What = fmt.Sprintf("the trust policy of role %s lacks sts:TagSession for EKS Pod Identity", w.Name)
	case ask(generousBut(trust, nothing), "sts:AssumeRole").Allowed():
		f.Code, f.Evidence = "workload-trust-source-account", assume.Because[0].Text
		f.What = fmt.Sprintf("the trust policy of role %s is for EKS Pod Identity in another account", w.Name)
	default:
		return nil, false
	}
	f.Fix = workloadTrustFix(in, w, "put the trust policy for EKS Pod Identity")
	return []Finding{f}, false
}

// irsaTrust asks as IRSA does, with tokens of nobody's: no such token may get the role.
// well: some pods get it so. spare: pods get the role by Pod Identity, so that a provider
// that lets nobody in is a remnant.
func irsaTrust(in tenancy.Installation, w workloadSeen, trust *iam.Document, spare bool) (found []Finding, well bool) {
	const action = "sts:AssumeRoleWithWebIdentity"
	for _, provider := range federated(trust) {
		account, issuer, ok := cutProvider(provider)
		if !ok {
			continue
		}
		s := subject{principal: provider}
		known := generousBut(trust, func(key string) bool {
			return key == strings.ToLower(issuer)+":sub" || key == strings.ToLower(issuer)+":aud"
		})
		ask := func(sub, aud string) iam.Decision {
			return s.decide(in, request{action: action, resource: w.ARN, policy: known, mustAllow: true, keys: keys(issuer+":sub", sub, issuer+":aud", aud)})
		}
		if !s.decide(in, request{action: action, resource: w.ARN, policy: generousBut(trust, nothing), mustAllow: true}).Allowed() {
			continue
		}
		well = true
		f := Finding{Status: Failed, Fix: workloadTrustFix(in, w, "name provider, service accounts and audience: put the trust policy for IRSA (deploy/policies/templates/workload-trust-irsa.json), or this one for EKS Pod Identity")}
		subjects := valuesOf(trust, issuer+":sub")
		const nobody, audience = "system:serviceaccount:doctor-probe:doctor-probe", "sts.amazonaws.com"
		switch {
		case account != in.AccountID:
			f.Code = "irsa-provider-account"
			f.What = fmt.Sprintf("the trust policy of role %s names an OIDC provider of another account: %s", w.Name, provider)
			f.Evidence = "iam:GetRole: Federated " + provider
			f.Consequence = "AWS knows providers in the role's own account only: pods of " + w.Who + " get no credentials"
		case strings.Contains(issuer, "://"):
			f = irsaNobody(f, w, spare)
			f.Code = "irsa-provider-url"
			f.What = fmt.Sprintf("the trust policy of role %s names an OIDC provider with https:// before it: %s", w.Name, provider)
			f.Evidence = "iam:GetRole: Federated " + provider + "; the ARN of a provider has its URL without the scheme, and so have the condition keys"
			f.Fix = Fix{Text: "take the https:// away", Commands: []string{putTrust(w.Name, withoutScheme(trust))}}
		case ask(nobody, audience).Allowed():
			f.Code = "irsa-subject"
			f.What = fmt.Sprintf("the trust policy of role %s lets every service account of the cluster have it", w.Name)
			f.Evidence = ask(nobody, audience).Because[0].Text
			f.Consequence = "whoever may run a pod in the cluster can be " + w.Who
		case outside(subjects, func(sub string) bool { return ask(sub, audience).Allowed() }) != "":
			f.Code, f.Status = "workload-trust-others", Warning
			f.What = fmt.Sprintf("role %s of %s can be assumed with tokens of somebody who is no service account: %s", w.Name, w.Who, outside(subjects, func(sub string) bool { return ask(sub, audience).Allowed() }))
			f.Evidence = "iam:GetRole: " + issuer + ":sub " + strings.Join(subjects, ", ")
			f.Consequence = "whoever that is can be " + w.Who + ", and through it every organization"
		case wildcard(subjects, func(sub string) bool { return ask(sub, audience).Allowed() }) != "":
			sub := wildcard(subjects, func(sub string) bool { return ask(sub, audience).Allowed() })
			f.Code, f.Status = "irsa-subject-wildcard", Warning
			f.What = fmt.Sprintf("the trust policy of role %s lets service accounts have it by a pattern", w.Name)
			f.Evidence = "evaluated: " + sub + " gets it"
			f.Consequence = "whoever may make a service account that the pattern fits can be " + w.Who
		case anyAudience(subjects, ask):
			f.Code, f.Status = "irsa-audience", Warning
			f.What = fmt.Sprintf("the trust policy of role %s does not ask for the audience %s", w.Name, audience)
			f.Evidence = "evaluated: a token for another audience gets it"
			f.Consequence = "a token that the pod gave to another service is good for the role"
		case spare && !slices.ContainsFunc(subjects, kubernetes):
			continue // it is no cluster's: a pipeline's, for example
		case !slices.ContainsFunc(subjects, func(sub string) bool { return serviceAccount(sub) && ask(sub, audience).Allowed() }):
			f = irsaNobody(f, w, spare)
			f.Code = "irsa-nobody"
			f.What = fmt.Sprintf("the trust policy of role %s lets no service account have it by IRSA", w.Name)
			f.Evidence = fmt.Sprintf("evaluated with a token for %s: %s:sub is %s, and :aud %s; a * is one for StringLike alone, and a service account is system:serviceaccount:NAMESPACE:NAME",
				audience, issuer, listed(subjects), listed(valuesOf(trust, issuer+":aud")))
		default:
			continue
		}
		found = append(found, f)
	}
	return found, well
}

// withoutScheme is a trust policy with the names that providers have in IAM.
func withoutScheme(trust *iam.Document) *iam.Document {
	return edited(trust, func(_ int, st *iam.Statement) {
		if st.Principals != nil {
			principals := *st.Principals
			principals.Federated = slices.Clone(principals.Federated)
			for i, provider := range principals.Federated {
				principals.Federated[i] = strings.Replace(provider, "oidc-provider/https://", "oidc-provider/", 1)
			}
			st.Principals = &principals
		}
		st.Conditions = slices.Clone(st.Conditions)
		for i := range st.Conditions {
			st.Conditions[i].Key = strings.TrimPrefix(st.Conditions[i].Key, "https://")
		}
	})
}

// irsaNobody is about a provider that lets nobody in.
func irsaNobody(f Finding, w workloadSeen, spare bool) Finding {
	f.Consequence = "pods of " + w.Who + " get no credentials"
	if spare {
		f.Status, f.Consequence = Warning, "pods get the role by EKS Pod Identity; those that come with a token of that provider do not"
	}
	return f
}

// kubernetes reports whether a subject is meant to be a service account.
func kubernetes(sub string) bool { return strings.HasPrefix(sub, "system:") }

// serviceAccount reports whether a subject can be one. No name in Kubernetes has a * or ?.
func serviceAccount(sub string) bool {
	parts := strings.Split(sub, ":")
	return len(parts) == 4 && parts[0] == "system" && parts[1] == "serviceaccount" && parts[2] != "" && parts[3] != "" &&
		!strings.ContainsAny(sub, "*?")
}

// openTo looks for who else may assume the role. The installation's own trust policy may
// be a narrower one than this project's; it is not the doctor's to know who deploys.
func openTo(in tenancy.Installation, w workloadSeen, trust *iam.Document) []Finding {
	var found []Finding
	for _, s := range strangers(in, trust) {
		if _, _, cluster := cutProvider(s.entry); s.entry == podIdentityService || cluster {
			continue
		}
		d := s.subject.decide(in, request{action: "sts:AssumeRole", resource: w.ARN, policy: openly(trust), mustAllow: true, keys: keys("sts:RoleSessionName", "x")})
		for _, action := range s.actions { // of identity providers
			if !d.Allowed() {
				d = s.subject.decide(in, request{action: action, resource: w.ARN, policy: openly(trust), mustAllow: true})
			}
		}
		if !d.Allowed() {
			continue
		}
		f := Finding{
			Code: "workload-trust-others", Status: Warning,
			What:        fmt.Sprintf("role %s of %s can be assumed by others than pods: %s", w.Name, w.Who, s.entry),
			Evidence:    d.Because[0].Text,
			Consequence: "whoever that is can be " + w.Who + ", and through it every organization",
			Fix:         workloadTrustFix(in, w, "trust pods alone: put the trust policy"),
		}
		if s.code == "trust-anyone" || s.code == "trust-other-account" {
			f.Code, f.Status = "workload-trust-anyone", Failed
		}
		if !slices.ContainsFunc(found, func(have Finding) bool { return have.Code == f.Code }) {
			found = append(found, f)
		}
	}
	return found
}

// nothing is known of any condition key.
func nothing(string) bool { return false }

// federated are the identity providers of Allow statements.
func federated(trust *iam.Document) []string {
	var all []string
	for _, st := range trust.Statements {
		if st.Effect == iam.Allow && st.Principals != nil {
			all = append(all, st.Principals.Federated...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// cutProvider splits the ARN of an OIDC provider.
func cutProvider(arn string) (account, issuer string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return "", "", false
	}
	issuer, ok = strings.CutPrefix(parts[5], "oidc-provider/")
	return parts[4], issuer, ok
}

// valuesOf are the values of a condition key in Allow statements.
func valuesOf(trust *iam.Document, key string) []string {
	var all []string
	for _, st := range trust.Statements {
		for _, c := range st.Conditions {
			if st.Effect == iam.Allow && strings.EqualFold(c.Key, key) {
				all = append(all, c.Values...)
			}
		}
	}
	return all
}

// wildcard returns a service account of nobody's that a pattern lets in.
func wildcard(subjects []string, in func(sub string) bool) string {
	for _, sub := range subjects {
		example := strings.NewReplacer("*", "doctor-probe", "?", "x").Replace(sub)
		if example != sub && in(example) {
			return example
		}
	}
	return ""
}

// outside returns a subject that is let in and is no service account of a cluster.
func outside(subjects []string, in func(sub string) bool) string {
	for _, sub := range examples(subjects) {
		if !strings.HasPrefix(sub, "system:serviceaccount:") && in(sub) {
			return sub
		}
	}
	return ""
}

func anyAudience(subjects []string, ask func(sub, aud string) iam.Decision) bool {
	return slices.ContainsFunc(subjects, func(sub string) bool { return ask(sub, "https://somebody.example").Allowed() })
}
