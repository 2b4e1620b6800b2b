package registry

import "testing"

// Somebody who claims another's address is not shown, or recorded, as them.
func TestNamesSayWhatIsVerified(t *testing.T) {
	t.Parallel()
	for want, who := range map[string]Identity{
		"ann@example.com":              {Subject: "1", Email: "ann@example.com", EmailVerified: true},
		"ann@example.com (unverified)": {Subject: "2", Email: "ann@example.com"},
		"3":                            {Subject: "3", EmailVerified: true},
	} {
		if got := (User{Identity: who}).Name(); got != want {
			t.Errorf("%+v: %q", who, got)
		}
	}
}
