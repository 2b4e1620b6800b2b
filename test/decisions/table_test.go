package decisions_test

import (
	"fmt"
	"slices"
	"testing"
)

// row is one row of facts AWS §3.5. Each has an embedded AWS of its own with the
// base installation, in which it changes one thing.
type row struct {
	n    int
	name string
	why  string // the rule that decides, with its source

	// change edits the policies before they are put in force.
	change func(*world, *documents)
	// after is what happens between the session's issue and the request.
	after func(*world)

	actor func(*world) *actor // nil: SA, which is T named orgA with S0
	call  func(*world) call   // nil: GET orgA/x through A's access point
	want  func(*world) outcome
}

// elsewhere are the rows that cannot be requests to one account without networks.
var elsewhere = map[int]string{
	28: "needs a second account: held by the evaluator's own table (internal/iam, TestDecisionTable)",
	29: "needs a second account: held by the evaluator's own table (internal/iam, TestDecisionTable)",
	31: "needs a VPC endpoint: held by the evaluator's own table (internal/iam, TestDecisionTable)",
}

func TestDecisionTable(t *testing.T) {
	t.Parallel()
	rows := slices.Concat(dataRows(), administratorRows(), namedByRows(), contextRows(), keyRows(), missingRows(), laterRows())
	seen := map[int]bool{}
	for _, r := range rows {
		seen[r.n] = true
		t.Run(fmt.Sprintf("%d %s", r.n, r.name), func(t *testing.T) {
			t.Parallel()
			r.run(t)
		})
	}
	for n := 1; n <= 46; n++ {
		if seen[n] == (elsewhere[n] != "") {
			t.Errorf("row %d: has requests: %t; elsewhere: %q", n, seen[n], elsewhere[n])
		}
	}
}

func (r row) run(t *testing.T) {
	t.Helper()
	w := newWorld(t)
	docs := w.base()
	if r.change != nil {
		r.change(w, docs)
	}
	w.install(docs)
	act := (*world).sessionA
	if r.actor != nil {
		act = r.actor
	}
	a := act(w)
	if r.after != nil {
		r.after(w)
	}
	request := get(apARN(apA), "orgA/x")
	if r.call != nil {
		request = r.call(w)
	}
	r.want(w).check(t, w, a, request(t.Context(), a))
	if t.Failed() {
		t.Logf("why: %s", r.why)
	}
}

func (w *world) sessionA() *actor    { return w.session("orgA", s0ARN) }
func (w *world) unscopedA() *actor   { return w.session("orgA") }
func (w *world) asRoot() *actor      { return w.root }
func (w *world) asAdmin() *actor     { return w.admin }
func (w *world) asAnonymous() *actor { return w.actor("", "", "") }

// always is a call or an outcome that does not depend on the account.
func always[T any](v T) func(*world) T { return func(*world) T { return v } }
