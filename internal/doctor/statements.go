package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
)

// edited returns a copy of the policy with f applied to a copy of every statement.
func edited(d *iam.Document, f func(i int, st *iam.Statement)) *iam.Document {
	statements := slices.Clone(d.Statements)
	for i := range statements {
		statements[i].Conditions = slices.Clone(statements[i].Conditions)
		f(i, &statements[i])
	}
	return &iam.Document{Version: d.Version, ID: d.ID, Statements: statements}
}

// without returns a copy of the policy without the statements that drop picks.
func without(d *iam.Document, drop func(i int, st iam.Statement) bool) *iam.Document {
	var kept []iam.Statement
	for i, st := range d.Statements {
		if !drop(i, st) {
			kept = append(kept, st)
		}
	}
	return &iam.Document{Version: d.Version, ID: d.ID, Statements: kept}
}

// place names a statement as the reasons of package iam do, which count from 0.
func place(i int, st iam.Statement) string {
	if st.Sid == "" {
		return fmt.Sprintf("statement %d", i)
	}
	return fmt.Sprintf("statement %d (Sid %q)", i, st.Sid)
}

// listed joins names as people do.
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// holds reports whether a condition holds for one value of its key.
func holds(c iam.Condition, value string) bool {
	k := iam.Context{}
	k.Set(c.Key, value)
	return iam.Evaluate(iam.Request{Principal: iam.Anonymous, Action: "s3:GetObject", Resource: "*", Context: k}, iam.PolicySet{
		Resource: &iam.Policy{Document: &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
			Effect: iam.Allow, Principals: &iam.Principals{Any: true}, Actions: []string{"*"}, Resources: []string{"*"},
			Conditions: []iam.Condition{c},
		}}}},
	}).Allowed()
}

// negated reports whether an operator holds for what does not match.
func negated(operator string) bool { return strings.Contains(operator, "Not") }

// correction replaces values of a condition key that do not match what they should.
type correction struct {
	key    string
	want   string   // what a request has there
	values []string // to have instead
	about  func(iam.Condition) bool
}

// in returns the policy corrected, and what was found in its place.
func (x correction) in(d *iam.Document) (*iam.Document, []string) {
	var found []string
	policy := edited(d, func(i int, st *iam.Statement) {
		for j, c := range st.Conditions {
			if !strings.EqualFold(c.Key, x.key) || c.Operator == "Null" || holds(c, x.want) != negated(c.Operator) ||
				x.about != nil && !x.about(c) {
				continue
			}
			found = append(found, fmt.Sprintf("%s: %s %s %s", place(i, *st), c.Operator, c.Key, strings.Join(c.Values, ", ")))
			operator := "StringLike"
			if negated(c.Operator) {
				operator = "StringNotLike"
			}
			st.Conditions[j] = iam.Condition{Operator: operator, Key: c.Key, Values: x.values}
		}
	})
	return policy, found
}
