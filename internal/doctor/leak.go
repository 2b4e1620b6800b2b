package doctor

import (
	"cmp"
	"fmt"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// Whether a policy denies what it must is asked of it and of the document of package
// tenancy: what that one denies explicitly, this one has to deny too, and what that one
// does not allow, neither may this one. What a policy denies beside is no finding here.

// leak is something that a mistake in a resource policy lets somebody do.
type leak struct {
	code, what, consequence string
	status                  Status // empty: Failed
	// asks are in the order in which they are shown.
	asks []ask
	// grants: it is about what is granted. That something is no longer denied to somebody
	// who is not allowed it anyway is another leak's affair.
	grants bool
	// firm: a denial that its caller can get around, by what it sends or from where, is none.
	firm bool
	// after: what this lets through is let through by one of these mistakes already.
	after []string
}

// ask is one question to a resource policy.
type ask interface {
	decide(in tenancy.Installation, policy *iam.Document, more iam.Context) iam.Decision
	describe() string
}

// shown is how many of the asks an Evidence holds.
const shown = 3

// admitted returns a finding for each leak that the policy lets through and the reference
// does not.
func admitted(in tenancy.Installation, policy, reference *iam.Document, leaks []leak, fix Fix) []Finding {
	var found []Finding
	known := map[string]bool{}
	for _, l := range leaks {
		if anyOf(known, l.after) {
			continue
		}
		through := l.through(in, policy, reference)
		if len(through) == 0 {
			continue
		}
		known[l.code] = true
		found = append(found, Finding{
			Code: l.code, Status: cmp.Or(l.status, Failed), What: l.what, Evidence: evidence(through),
			Consequence: l.consequence, Fix: fix,
		})
	}
	return found
}

// through returns what the policy lets through.
func (l leak) through(in tenancy.Installation, policy, reference *iam.Document) []string {
	var through []string
	switch {
	case l.grants:
		policy, reference = granting(in, policy), granting(in, reference)
	case l.firm:
		policy, reference = dependable(in, policy), dependable(in, reference)
	}
	for _, a := range l.asks {
		have := a.decide(in, policy, nil)
		if have.Result == iam.ExplicitlyDenied || l.grants && !have.Allowed() {
			continue
		}
		want := a.decide(in, reference, nil)
		switch {
		case have.Allowed() && !want.Allowed():
			through = append(through, a.describe()+" is allowed: "+have.Because[0].Text)
		case !l.grants && want.Result == iam.ExplicitlyDenied:
			through = append(through, a.describe()+" is denied by no statement")
		}
	}
	return through
}

func anyOf(set map[string]bool, names []string) bool {
	for _, name := range names {
		if set[name] {
			return true
		}
	}
	return false
}

// evidence shows the first few of what was evaluated.
func evidence(lines []string) string {
	text := "evaluated: "
	for i, line := range lines[:min(shown, len(lines))] {
		if i > 0 {
			text += "; "
		}
		text += line
	}
	if more := len(lines) - shown; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}
