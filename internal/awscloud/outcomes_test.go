package awscloud

import "testing"

func TestEveryCodeHasOneOutcome(t *testing.T) {
	t.Parallel()
	seen := map[string]error{}
	for outcome, list := range codes() {
		for _, code := range list {
			if before, twice := seen[code]; twice {
				t.Errorf("%s is both %q and %q", code, before, outcome)
			}
			seen[code] = outcome
		}
	}
}
