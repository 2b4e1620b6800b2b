package reconcile_test

import (
	"sync"
	"testing"
)

// sweepTally counts.
type sweepTally struct {
	mu    sync.Mutex
	found map[string][]call // the calls of each operation
	done  map[string]map[string]int
}

func (s *sweepTally) calls(op string, calls []call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil {
		s.found, s.done = map[string][]call{}, map[string]map[string]int{}
	}
	s.found[op] = calls
}

func (s *sweepTally) add(op string, f fault, c call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done[op] == nil {
		s.done[op] = map[string]int{}
	}
	s.done[op][f.name]++
	s.done[op][c.to]++
}

// report prints what was counted, and fails when less was run than there is.
func (s *sweepTally) report(t *testing.T, faults int) {
	t.Helper()
	total, due := 0, 0
	for _, op := range sweepOperations {
		aws := 0
		for _, c := range s.found[op.name] {
			if c.to == "aws" {
				aws++
			}
		}
		if database := len(s.found[op.name]) - aws; aws == 0 || database == 0 {
			t.Errorf("%s: %d calls of AWS and %d of the database", op.name, aws, database)
		}
		n, all := s.done[op.name]["aws"]+s.done[op.name]["database"], len(s.found[op.name])*faults
		t.Logf("%s: %d calls of AWS and %d of the database; %d cases of %d", op.name, aws, len(s.found[op.name])-aws, n, all)
		for _, f := range sweepFaults {
			t.Logf("    %-26s %4d", f.name, s.done[op.name][f.name])
		}
		total, due = total+n, due+all/sweepStride
	}
	t.Logf("%d cases in all", total)
	if total < due || due == 0 {
		t.Errorf("%d cases, and there are %d", total, due)
	}
}
