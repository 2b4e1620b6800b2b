package registry

import "testing"

// An address is the same in any case, and nobody else's, whatever looks like it.
func TestAddressesAreTheirOwners(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		user    User
		address string
		want    bool
	}{
		{User{Identity: Identity{Email: "Kim@Example.com", EmailVerified: true}}, "kim@example.COM", true},
		{User{Identity: Identity{Email: "kim@example.com"}}, "kim@example.com", false},
		{User{Identity: Identity{EmailVerified: true}}, "", false},
		{User{Identity: Identity{Email: "\u212aim@example.com", EmailVerified: true}}, "kim@example.com", false}, // the Kelvin sign
		{User{Identity: Identity{Email: "kim@example.com", EmailVerified: true}}, "\u212aim@example.com", false},
		{User{Identity: Identity{Email: "ro\u017fe@example.com", EmailVerified: true}}, "rose@example.com", false}, // the long s
		{User{Identity: Identity{Email: "\xffim@example.com", EmailVerified: true}}, "\xfeim@example.com", false},
	} {
		if got := tc.user.Has(tc.address); got != tc.want {
			t.Errorf("%q, verified %t, has %q: %t", tc.user.Email, tc.user.EmailVerified, tc.address, got)
		}
	}
}

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
