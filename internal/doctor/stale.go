package doctor

import (
	"fmt"
	"slices"

	"github.com/managedcas/managedcas/internal/iam"
)

// stale reports whether a principal is the unique id that AWS shows in place of the ARN of
// a role or user that is gone. One that is made again under the same name has another id.
func stale(principal string) bool {
	return len(principal) >= 16 && (principal[:4] == "AROA" || principal[:4] == "AIDA")
}

// staleIn has principals stand where a grant names nobody any more.
func staleIn(instead *iam.Principals) func(scene) (scene, []string) {
	return func(s scene) (scene, []string) {
		found := stalePrincipals(s.policy)
		s.policy = edited(s.policy, func(_ int, st *iam.Statement) {
			if p := st.Principals; st.Effect == iam.Allow && p != nil && slices.ContainsFunc(p.AWS, stale) {
				st.Principals = instead
			}
		})
		return s, found
	}
}

func stalePrincipals(policy *iam.Document) []string {
	var found []string
	for i, st := range policy.Statements {
		for _, p := range []*iam.Principals{st.Principals, st.NotPrincipals} {
			if p == nil {
				continue
			}
			for _, principal := range p.AWS {
				if stale(principal) {
					found = append(found, fmt.Sprintf("%s: Principal %s", place(i, st), principal))
				}
			}
		}
	}
	return found
}

// staleBeside is about principals that are gone, and stand in nobody's way.
func staleBeside(found []Finding, policy *iam.Document, code, what string, fix Fix) []Finding {
	gone := stalePrincipals(policy)
	if len(gone) == 0 || slices.ContainsFunc(found, func(f Finding) bool { return f.Code == code }) {
		return nil
	}
	return []Finding{{
		Code: code, Status: Warning,
		What:        what + " names a role or user that exists no more by its unique id",
		Evidence:    listed(gone),
		Consequence: "who was meant is granted nothing any more, nor excepted, even if there is a role or user of the old name again",
		Fix:         fix,
	}}
}
