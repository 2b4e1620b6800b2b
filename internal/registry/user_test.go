package registry

import "testing"

func TestAddressesAreComparedByASCIICaseAlone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		own      string
		verified bool
		address  string
		want     bool
	}{
		{"ann@example.com", true, "Ann@EXAMPLE.com", true}, {"ann@example.com", false, "ann@example.com", false}, {"", true, "", false},
		{"mar\u212a@example.com", true, "mark@example.com", false}, {"bo\u017f\u017f@example.com", true, "boss@example.com", false},
		{"\u00e4@example.com", true, "\u00e4@Example.com", true},
	} {
		u := User{Identity: Identity{Email: tc.own, EmailVerified: tc.verified}}
		if got := u.Has(tc.address); got != tc.want {
			t.Errorf("%q (verified: %t) is %q: %t", tc.own, tc.verified, tc.address, got)
		}
	}
}
