package datapath

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/managedcas/managedcas/internal/cas"
	"github.com/managedcas/managedcas/internal/digest"
	"github.com/managedcas/managedcas/internal/emulator/faults"
	"github.com/managedcas/managedcas/internal/emulator/journal"
	"github.com/managedcas/managedcas/test/rig"
)

// failures are what can become of one call of AWS.
var failures = []faults.Rule{
	{Kind: faults.Throttle},
	{Kind: faults.Failure},
	{Kind: faults.CutBefore},
	{Kind: faults.CutAfter},
	{Kind: faults.Failure, Status: 400, Code: "ExpiredToken"},
	{Kind: faults.Failure, Status: 409, Code: "ConditionalRequestConflict"},
}

func describe(f faults.Rule) string { return strings.TrimSpace(string(f.Kind) + " " + f.Code) }

// I3, I12, W8, W16: every call of AWS that an upload makes fails once, in every way, over
// both protocols and in every shape. The calls are those that a run without faults makes,
// the session's among them.
func TestUploadsUnderEveryFault(t *testing.T) {
	t.Parallel()
	var swept, due atomic.Int64
	eachLane(t, func(t *testing.T, s *site, l lane, shape shape) {
		calls := s.cleanRun(t, l, shape)
		product := len(calls) * len(failures)
		if !everything && shape.in(0) == cas.UnknownLength {
			product /= 2 // each case over one of the two protocols
		}
		due.Add(int64(product))
		for n, call := range calls {
			for i, failure := range failures {
				if http := l.String() == "HTTP"; !everything && shape.in(0) == cas.UnknownLength && http != ((n+i)%2 == 0) {
					continue
				}
				failure.After, failure.Count = n, 1
				what := fmt.Sprintf("%s, call %d (%s) %s", shape.name, n+1, call, describe(failure))
				s.uploadUnder(t, what, l, shape, call, failure)
				swept.Add(1)
			}
		}
	})
	const calls = 2 + 2 + 2 + 3 + 6 // at least: one request and one stream over either, and parts
	if n := swept.Load(); n != due.Load() || n < calls*int64(len(failures)) {
		t.Errorf("%d cases, want %d", n, due.Load())
	}
	t.Logf("%d cases", swept.Load())
}

// eachLane runs sweep for every protocol and shape, each with an AWS of its own and all of
// them at once: they mostly wait between two tries of a call.
func eachLane(t *testing.T, sweep func(*testing.T, *site, lane, shape)) {
	t.Helper()
	var all sync.WaitGroup
	for i, shape := range shapes {
		for j, name := range []string{"HTTP", "gRPC"} {
			all.Go(func() {
				t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
					s := newSite(t, rig.Options{}) // a session for each request: AssumeRole fails, too
					sweep(t, s, s.lanes(t)[j], shape)
				})
			})
		}
	}
	all.Wait()
}

// cleanRun returns the calls of AWS that an upload makes when nothing fails.
func (s *site) cleanRun(t *testing.T, l lane, shape shape) []string {
	t.Helper()
	for range 2 { // the first time, the process itself gets its identity
		s.Forget()
		content, d := rig.Content(shape.size)
		if o := shape.put(t, l, s.uploader(), d, bytes.NewReader(content)); o.failed {
			t.Fatalf("%s, %s, without a fault: %s", l, shape.name, o)
		}
	}
	var calls []string
	for _, e := range s.AWS.Journal().Entries(journal.Filter{}) {
		calls = append(calls, e.Operation)
	}
	t.Logf("%s, %s: %q", l, shape.name, calls)
	return calls
}

func (s *site) plan(t *testing.T, rules ...faults.Rule) {
	t.Helper()
	if err := s.AWS.Faults().Replace(faults.Plan{Rules: rules}); err != nil {
		t.Fatal(err)
	}
}

// uploadUnder uploads while AWS fails, and looks what became of it.
func (s *site) uploadUnder(t *testing.T, what string, l lane, shape shape, call string, failure faults.Rule) {
	t.Helper()
	content, d := rig.Content(shape.size)
	before := s.Uploads(t)
	s.plan(t, failure)
	o := shape.put(t, l, s.uploader(), d, bytes.NewReader(content))
	s.plan(t)
	switch {
	case !o.failed:
		s.holds(t, what, l, d, content)
	case !o.retryable() || o.lost:
		t.Errorf("%s, %s: %s", l, what, o)
	default:
		s.holdsOrLacks(t, what, l, d, content)
	}
	// Nobody knows the id of an upload whose beginning was answered and lost: that one is
	// the sweeper's.
	if call != "CreateMultipartUpload" || failure.Kind != faults.CutAfter {
		if left := s.Uploads(t); len(left) != len(before) {
			t.Errorf("%s, %s: unfinished uploads: %q, before %q", l, what, left, before)
		}
	}
	if o.failed {
		s.again(t, what, l, shape, d, content)
	}
}

// again checks that an upload that failed succeeds the next time.
func (s *site) again(t *testing.T, what string, l lane, shape shape, d digest.Digest, content []byte) {
	t.Helper()
	if o := shape.put(t, l, s.uploader(), d, bytes.NewReader(content)); o.failed {
		t.Errorf("%s, %s: again: %s", l, what, o)
	}
	s.holds(t, what+", again", l, d, content)
}
