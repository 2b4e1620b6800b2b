package secretstore

import (
	"math"
	"testing"
	"time"
)

// A token without an end, or with one that no clock reaches, is renewed now and then: it is
// not taken to have ended, which would be a login for each request.
func TestLongLeases(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for seconds, fresh := range map[int64]time.Duration{
		0: math.MaxInt64, -1: math.MaxInt64, 3: time.Second, 3600: 39 * time.Minute, 10_000_000_000: 24 * time.Hour, math.MaxInt64: 24 * time.Hour,
	} {
		token, err := vaultAuth{Token: "t", Seconds: seconds}.taken(now)
		if err != nil || !token.fresh(now.Add(fresh)) {
			t.Errorf("a lease of %d s: not good for %s, %v", seconds, fresh, err)
		}
	}
}
