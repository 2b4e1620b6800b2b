package decisions_test

import (
	"errors"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/internal/iam"
)

// outcome is how a request must end, on the wire and in the journal.
type outcome struct {
	status int    // HTTP
	code   string // AWS's error code as the SDK reports it; empty: success
	logged string // AWS's error code as the service means it, where HEAD has no body to carry it

	result iam.Result // of the last decision; empty: nothing was decided
	// sids are the statements that decided, over all decisions of the request in order:
	// what was needed for Allowed, what denies for ExplicitlyDenied.
	sids []string
	// layer is what the first reason comes from.
	layer iam.Layer
	// action and resource are those of the first reason, where it matters in which of
	// the contexts of the request it was found.
	action, resource string
}

// allowedBy: the request succeeds, and exactly these statements were needed.
func allowedBy(sids ...string) outcome {
	return outcome{status: 200, result: iam.Allowed, sids: sids}
}

// deniedBy: these statements deny, and they are policies of that kind.
func deniedBy(layer iam.Layer, sids ...string) outcome {
	return outcome{status: 403, code: "AccessDenied", result: iam.ExplicitlyDenied, layer: layer, sids: sids}
}

// notAllowed: no policy of that kind allows action on resource.
func notAllowed(layer iam.Layer, action, resource string) outcome {
	return outcome{status: 403, code: "AccessDenied", result: iam.ImplicitlyDenied, layer: layer, action: action, resource: resource}
}

// refused: the request is refused before any policy is asked.
func refused(status int, code string) outcome { return outcome{status: status, code: code} }

// answered changes how the request ends for the client.
func (o outcome) answered(status int, code string) outcome {
	o.status, o.code = status, code
	return o
}

// onHEAD is the same end of a HEAD, which has no body to say more than a status: the
// SDK makes seen of it.
func (o outcome) onHEAD(seen string) outcome {
	o.logged, o.code = o.code, seen
	return o
}

func (o outcome) check(t *testing.T, w *world, a *actor, err error) {
	t.Helper()
	id, status := a.wire.last()
	if got := code(err); got != o.code || status != o.status {
		t.Errorf("answered %d %q, want %d %q: %v", status, got, o.status, o.code, err)
	}
	entries := w.aws.Journal().Entries(journal.Filter{RequestID: id})
	if len(entries) != 1 {
		t.Fatalf("%d entries in the journal for request %q", len(entries), id)
	}
	o.checkEntry(t, entries[0])
}

func (o outcome) checkEntry(t *testing.T, e journal.Entry) {
	t.Helper()
	logged := o.logged
	if logged == "" {
		logged = o.code
	}
	if e.Status != o.status || e.Code != logged {
		t.Errorf("the journal has %d %q, want %d %q", e.Status, e.Code, o.status, logged)
	}
	if len(e.Decisions) == 0 {
		if o.result != "" {
			t.Errorf("nothing was decided, want %s", o.result)
		}
		return
	}
	last := e.Decisions[len(e.Decisions)-1]
	if last.Result != o.result {
		t.Fatalf("decided %s, want %q; because %+v", last.Result, o.result, last.Because)
	}
	first := last.Because[0]
	if o.layer != "" && first.Layer != o.layer {
		t.Errorf("decided by the %s, want the %s: %s", first.Layer, o.layer, first.Text)
	}
	if o.action != "" && (first.Action != o.action || first.Resource != o.resource) {
		t.Errorf("decided on %s of %s, want %s of %s: %s", first.Action, first.Resource, o.action, o.resource, first.Text)
	}
	if diff := cmp.Diff(o.sids, decisive(e, o.result)); diff != "" {
		t.Errorf("statements that decided (-want +got):\n%s", diff)
	}
}

// decisive returns the Sids of the statements that decided: of a request that was
// allowed those of all its decisions, of one that was denied those of the denial.
func decisive(e journal.Entry, result iam.Result) []string {
	var sids []string
	for _, d := range e.Decisions {
		for _, r := range d.Because {
			if d.Result == result && r.Statement >= 0 {
				sids = append(sids, r.Sid)
			}
		}
	}
	return sids
}

// code is AWS's error code, empty for none.
func code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return err.Error()
}
