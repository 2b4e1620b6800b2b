package iam_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

// TestModel compares Evaluate with the model on random small worlds. A disagreement
// is shrunk as far as it stays one, and shown with both reasonings: the pages of AWS
// decide who is right, and the case becomes a row of a table.
func TestModel(t *testing.T) {
	t.Parallel()
	const streams = 4
	for stream := range uint64(streams) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			u := newUniverse(t, stream)
			e := expressions{}
			seen := map[iam.Result]int{}
			for range modelRounds / streams {
				req, set := u.request(), u.set()
				got := iam.Evaluate(req, set)
				want, _ := e.decide(req, set)
				if got.Result != want {
					e.report(t, req, set)
					return
				}
				seen[want]++
			}
			for _, r := range []iam.Result{iam.Allowed, iam.ImplicitlyDenied, iam.ExplicitlyDenied} {
				if seen[r] < modelRounds/streams/20 {
					t.Errorf("only %d worlds were %s: the comparison has become one-sided (%v)", seen[r], r, seen)
				}
			}
		})
	}
}

func (e expressions) report(t *testing.T, req iam.Request, set iam.PolicySet) {
	t.Helper()
	req, set = e.shrink(req, set)
	got := iam.Evaluate(req, set)
	want, log := e.decide(req, set)
	show := func(v any) string {
		text, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	t.Errorf("Evaluate says %s, the model %s\nEvaluate: %s\nthe model: %s\nrequest %s\npolicies %s",
		got.Result, want, show(got.Because), strings.Join(log, "; "), show(req), show(set))
}

// shrink takes away whatever the disagreement does not need.
func (e expressions) shrink(req iam.Request, set iam.PolicySet) (iam.Request, iam.PolicySet) {
	differ := func(req iam.Request, set iam.PolicySet) bool {
		want, _ := e.decide(req, set)
		return iam.Evaluate(req, set).Result != want
	}
	for again := true; again; {
		again = false
		try := func(r iam.Request, s iam.PolicySet) {
			if !again && differ(r, s) {
				req, set, again = r, s, true
			}
		}
		for key := range req.Context {
			r := req
			r.Context = maps.Clone(req.Context)
			delete(r.Context, key)
			try(r, set)
		}
		for _, s := range smallerSets(set) {
			try(req, s)
		}
	}
	return req, set
}

// smallerSets returns copies of a set that each lack one thing.
func smallerSets(set iam.PolicySet) []iam.PolicySet {
	var all []iam.PolicySet
	for i, layer := range [][]iam.Policy{set.Identity, set.Boundary, set.Session} {
		for _, smaller := range smallerLists(layer, smallerPolicies) {
			s := set
			*[]*[]iam.Policy{&s.Identity, &s.Boundary, &s.Session}[i] = smaller
			all = append(all, s)
		}
	}
	for i, policy := range []*iam.Policy{set.Resource, set.Endpoint} {
		if policy == nil {
			continue
		}
		for _, smaller := range append(smallerPolicies(*policy), iam.Policy{}) {
			s, p := set, &smaller
			if smaller.Document == nil {
				p = nil
			}
			*[]**iam.Policy{&s.Resource, &s.Endpoint}[i] = p
			all = append(all, s)
		}
	}
	if set.RequireResource {
		s := set
		s.RequireResource = false
		all = append(all, s)
	}
	if set.SessionPassed && set.Session == nil {
		s := set
		s.SessionPassed = false
		all = append(all, s)
	}
	return all
}

func smallerPolicies(p iam.Policy) []iam.Policy {
	var all []iam.Policy
	for _, statements := range smallerLists(p.Document.Statements, smallerStatements) {
		all = append(all, iam.Policy{Name: p.Name, Document: &iam.Document{Version: p.Document.Version, Statements: statements}})
	}
	return all
}

func smallerStatements(st iam.Statement) []iam.Statement {
	var all []iam.Statement
	for _, conditions := range smallerLists(st.Conditions, func(c iam.Condition) []iam.Condition {
		var all []iam.Condition
		for _, values := range smallerLists[string](c.Values, nil) {
			if len(values) > 0 {
				all = append(all, iam.Condition{Operator: c.Operator, Key: c.Key, Values: values})
			}
		}
		return all
	}) {
		smaller := st
		smaller.Conditions = conditions
		all = append(all, smaller)
	}
	for _, list := range []func(*iam.Statement) *[]string{
		func(st *iam.Statement) *[]string { return &st.Actions },
		func(st *iam.Statement) *[]string { return &st.NotActions },
		func(st *iam.Statement) *[]string { return &st.Resources },
		func(st *iam.Statement) *[]string { return &st.NotResources },
	} {
		for _, values := range smallerLists[string](*list(&st), nil) {
			if smaller := st; len(values) > 0 {
				*list(&smaller) = values
				all = append(all, smaller)
			}
		}
	}
	return all
}

// smallerLists returns list without one element, and with one element made smaller.
func smallerLists[T any](list []T, smaller func(T) []T) [][]T {
	var all [][]T
	for i := range list {
		all = append(all, slices.Delete(slices.Clone(list), i, i+1))
		if smaller == nil {
			continue
		}
		for _, s := range smaller(list[i]) {
			shorter := slices.Clone(list)
			shorter[i] = s
			all = append(all, shorter)
		}
	}
	return all
}
