//go:build long

package emulator_test

import (
	"testing"
	"time"
)

// TestCrowdIsFast times what TestCrowdCostsNothing counts. The bound is wide: what grows
// with the crowd would be a hundred times slower.
func TestCrowdIsFast(t *testing.T) {
	dir := t.TempDir()
	c := newCrowd(t, dir)
	requests := c.requests()
	measure := func() map[string]time.Duration {
		took := map[string]time.Duration{}
		for name, request := range requests {
			result := testing.Benchmark(func(b *testing.B) {
				for b.Loop() {
					if err := request(); err != nil {
						b.Fatal(err)
					}
				}
			})
			took[name] = time.Duration(result.NsPerOp())
		}
		return took
	}
	c.grow(100)
	few := measure()
	c.grow(10_000)
	for name, many := range measure() {
		t.Logf("%s: %s among 100, %s among 10,000", name, few[name], many)
		if many > 5*few[name] {
			t.Errorf("%s takes %s among 10,000 access points and policies, %s among 100", name, many, few[name])
		}
	}
}

// TestCrowdOpensFast: an account with 10,000 access points and policies is there within
// two seconds of a start.
func TestCrowdOpensFast(t *testing.T) {
	dir := t.TempDir()
	t.Run("grow", func(t *testing.T) { newCrowd(t, dir).grow(10_000) })
	start := time.Now()
	a := open(t, dir)
	took := time.Since(start)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("opened in %s", took)
	if took > 2*time.Second {
		t.Errorf("opening took %s", took)
	}
}
