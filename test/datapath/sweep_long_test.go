//go:build long

package datapath

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// everything has each case of a sweep run over both protocols.
const everything = true

// loadTime is how long the mixed load goes on.
const loadTime = time.Minute

// What does not get better by itself: from one call on, AWS fails every call of that
// operation, more often than anybody tries again. The clean-up is another operation.
func TestUploadsUnderFaultsThatStay(t *testing.T) {
	t.Parallel()
	var swept atomic.Int64
	eachLane(t, func(t *testing.T, s *site, l lane, shape shape) {
		seen := map[string]int{}
		for _, call := range s.cleanRun(t, l, shape) {
			nth := seen[call]
			seen[call]++
			for _, failure := range failures {
				failure.Operation, failure.After = call, nth
				what := fmt.Sprintf("%s, from %s %d on %s", shape.name, call, nth+1, describe(failure))
				s.uploadUnder(t, what, l, shape, call, failure)
				swept.Add(1)
			}
		}
	})
	if n := swept.Load(); n < 2*(2+2+6)*int64(len(failures)) {
		t.Errorf("%d cases", n)
	}
	t.Logf("%d cases", swept.Load())
}
