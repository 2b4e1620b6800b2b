package doctor

import "github.com/managedcas/managedcas/internal/iam"

// A policy that refuses what it must allow has a cause. It is found by trying: each repair
// undoes one mistake in a copy of the policy, and the mistake was made if more is allowed
// then. So a cause is known by its effect, however the policy is spelled.

// scene is a resource policy, and condition keys that requests have beside their own.
type scene struct {
	policy *iam.Document
	keys   iam.Context
}

// repair undoes one mistake.
type repair struct {
	// undo returns the scene without the mistake, and where it was found; nothing: nowhere.
	undo func(scene) (scene, []string)
	// finding is what is said about the mistake. Refused is what was refused because of it.
	finding func(evidence []string, refused string) Finding
}

// trial is something that must be allowed.
type trial struct {
	what   string // "store an artifact"
	decide func(scene) iam.Decision
}

// causes returns a finding for each repair that is needed until every trial is allowed: one
// that suffices alone, or else all that help, in their order.
func causes(s scene, trials []trial, repairs []repair) []Finding {
	if refused(s, trials) == 0 {
		return nil
	}
	for _, r := range repairs {
		if repaired, evidence := r.undo(s); len(evidence) > 0 && refused(repaired, trials) == 0 {
			return []Finding{r.finding(evidence, difference(s, repaired, trials))}
		}
	}
	var found []Finding
	for _, r := range repairs {
		repaired, evidence := r.undo(s)
		if len(evidence) == 0 || refused(repaired, trials) >= refused(s, trials) {
			continue
		}
		found = append(found, r.finding(evidence, difference(s, repaired, trials)))
		s = repaired
	}
	return found
}

// refused measures what is refused. A denial is worse than a missing grant: both may stand
// in the way, and without the one the other shows.
func refused(s scene, trials []trial) int {
	n := 0
	for _, t := range trials {
		switch t.decide(s).Result {
		case iam.Allowed:
		case iam.ImplicitlyDenied:
			n++
		default:
			n += 2
		}
	}
	return n
}

// olderLanguage writes the policy in the language that has variables. Without a Version a
// policy is in the older one, and "${aws:PrincipalTag/org}" is a text like any other.
func olderLanguage(s scene) (scene, []string) {
	if s.policy.Version == iam.Version2012 {
		return s, nil
	}
	found := "Version " + s.policy.Version + ", which is also what a policy without one has"
	s.policy = &iam.Document{Version: iam.Version2012, ID: s.policy.ID, Statements: s.policy.Statements}
	return s, []string{found}
}

// difference names what is refused before, and less so after.
func difference(before, after scene, trials []trial) string {
	var names []string
	for _, t := range trials {
		if refused(after, []trial{t}) < refused(before, []trial{t}) {
			names = append(names, t.what)
		}
	}
	return listed(names)
}
