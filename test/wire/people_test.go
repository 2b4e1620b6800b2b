package wire

import (
	"log/slog"
	"math"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/registry"
	"github.com/managedcas/managedcas/test/sources"
)

const (
	organizationService = "controlplane.v1.OrganizationService/"
	userService         = "controlplane.v1.UserService/"
)

// person is somebody who has signed in. There is no identity provider here: what the control
// plane does when one has answered is done on its database.
func person(t *testing.T, name string) caller {
	t.Helper()
	sources.Note(t)
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := database.Open(t.Context(), filepath.Join(daemon.data, "managedcas.db"))
	try(err)
	defer func() { try(db.Close()) }()
	ring, err := auth.OpenKeyRing(t.Context(), db, registry.KeyUseAPI)
	try(err)
	u, err := db.SignIn(t.Context(), registry.Identity{
		Issuer: "https://id.example", Subject: name, Email: name + "@example.com", EmailVerified: true, FirstName: name, LastName: "Example",
	})
	try(err)
	login, _, err := auth.NewTokens(db, db, ring, slog.New(slog.DiscardHandler)).LogIn(t.Context(), u, "wire", 0)
	try(err)
	return caller{conn: dial(t, daemon.Controlplane.GRPC), token: login}
}

// join makes somebody, whose address is name's, a member of the organization.
func (s site) join(t *testing.T, who caller, name, role string) {
	t.Helper()
	invited := s.admin.must(t, "managedcas.v1.InvitationService/Create", text(1, name+"@example.com"), text(2, role)).at(t, 1).text(1)
	who.must(t, "managedcas.v1.InvitationService/Accept", text(1, invited))
}

// checkMembership: a membership without its organization, or a member without a user,
// crashes the client (§2).
func checkMembership(t *testing.T, what string, m message, organization, email string, role uint64) {
	t.Helper()
	m.only(t, "OrgMembershipItem", 1, 2, 3, 4, 5, 6, 7)
	if o := m.at(t, 2); !isUUID(o.text(1)) || o.text(2) != organization || len(o[3]) != 1 {
		t.Errorf("%s: organization %v", what, o)
	}
	if u := m.at(t, 7); !isUUID(u.text(1)) || u.text(2) != email {
		t.Errorf("%s: user %v", what, u)
	}
	if !isUUID(m.text(1)) || m.number(6) != role || len(m[4]) != 1 || len(m[5]) != 1 {
		t.Errorf("%s: membership %v", what, m)
	}
}

// §3, §7.2: organization member list, page by page and by each filter.
func TestOrganizationMemberships(t *testing.T) {
	t.Parallel()
	s, other := newSite(t, "members"), newSite(t, "strangers")
	ann, bob := person(t, "ann"), person(t, "bob")
	s.join(t, ann, "ann", "owner")
	s.join(t, bob, "bob", "viewer")
	s.join(t, person(t, "cyd"), "cyd", "admin")
	other.join(t, bob, "bob", "viewer")
	const list = organizationService + "ListMemberships"
	page := func(n, size uint64) []byte { return data(5, append(number(1, n), number(2, size)...)) }

	roles := map[string]uint64{"ann@example.com": 3, "bob@example.com": 1, "cyd@example.com": 2}
	seen := map[string]string{} // ids, by address
	for n, want := range map[uint64]int{1: 2, 2: 1, 3: 0} {
		got := s.admin.must(t, list, page(n, 2))
		got.only(t, "ListMembershipsResponse", 1, 2)
		if p := got.at(t, 2); p.number(1) != n || p.number(2) != 2 || p.number(3) != 3 || p.number(4) != 2 || len(got[1]) != want {
			t.Errorf("page %d: %d members, pagination %v", n, len(got[1]), p)
		}
		for _, item := range got[1] {
			m := parse(t, item.bytes)
			email := m.at(t, 7).text(2)
			checkMembership(t, email, m, s.name, email, roles[email])
			if seen[email] != "" {
				t.Errorf("%s is on two pages", email)
			}
			seen[email] = m.text(1)
		}
	}
	if len(seen) != 3 {
		t.Errorf("members %v", seen)
	}
	theirs := other.admin.must(t, list).at(t, 1).text(1)
	for what, tc := range map[string]struct {
		fields [][]byte
		want   []string
	}{
		"all":                   {nil, []string{"ann", "bob", "cyd"}},
		"an id":                 {[][]byte{text(1, seen["bob@example.com"])}, []string{"bob"}},
		"an id of others":       {[][]byte{text(1, theirs)}, nil},
		"a name":                {[][]byte{text(2, "AN")}, []string{"ann"}},
		"a pattern":             {[][]byte{text(2, "%")}, nil},
		"an address":            {[][]byte{text(3, "BOB@example.com")}, []string{"bob"}},
		"a role":                {[][]byte{number(4, 2)}, []string{"cyd"}},
		"a role and a name":     {[][]byte{number(4, 2), text(2, "ann")}, nil},
		"the page that is last": {[][]byte{page(1, 100)}, []string{"ann", "bob", "cyd"}},
	} {
		got := s.controlplane.must(t, list, tc.fields...)
		var names []string
		for _, item := range got[1] {
			names = append(names, parse(t, item.bytes).at(t, 7).text(4))
		}
		if len(names) != len(tc.want) || got.at(t, 2).number(3) != uint64(len(tc.want)) {
			t.Errorf("%s: %q, want %q", what, names, tc.want)
			continue
		}
		for i := range names {
			if names[i] != tc.want[i] {
				t.Errorf("%s: %q, want %q", what, names, tc.want)
			}
		}
	}
	for what, fields := range map[string][]byte{
		"an id that is none": text(1, "ann"), "a page of 101": page(1, 101), "a page before the first": page(math.MaxUint64, 1), "a page of less than nothing": page(1, math.MaxUint64),
	} {
		_, err := s.admin.call(t, list, fields)
		refused{code: codes.InvalidArgument}.check(t, what, err)
	}
	named := bob
	named.organization = "members"
	named.must(t, list)
	named.organization = "unbacked-by-anybody"
	_, err := named.call(t, list)
	refused{code: codes.PermissionDenied, reason: "USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG"}.check(t, "somebody else's members", err)
}

// §3: organization set. The result, and the organization in it, are read unchecked.
func TestSetCurrentMembership(t *testing.T) {
	t.Parallel()
	one, two, foreign := newSite(t, "one"), newSite(t, "two"), newSite(t, "foreign")
	dee := person(t, "dee")
	one.join(t, dee, "dee", "contributor")
	two.join(t, dee, "dee", "member")
	foreign.join(t, person(t, "eve"), "eve", "viewer")
	ids := map[string]string{}
	for _, item := range dee.must(t, userService+"ListMemberships")[1] {
		m := parse(t, item.bytes)
		ids[m.at(t, 2).text(2)] = m.text(1)
	}
	const set = userService + "SetCurrentMembership"
	for _, tc := range []struct {
		name string
		role uint64
	}{{"two", 4}, {"one", 5}, {"one", 5}} {
		got := dee.must(t, set, text(1, ids[tc.name]))
		got.only(t, "SetCurrentMembershipResponse", 1)
		checkMembership(t, "set", got.at(t, 1), tc.name, "dee@example.com", tc.role)
		if got.at(t, 1).number(3) != 1 {
			t.Errorf("%s is not the current one: %v", tc.name, got)
		}
		checkMembership(t, "current", dee.must(t, "controlplane.v1.ContextService/Current").at(t, 1, 2), tc.name, "dee@example.com", tc.role)
		for _, item := range dee.must(t, userService+"ListMemberships")[1] {
			m := parse(t, item.bytes)
			if name := m.at(t, 2).text(2); (m.number(3) == 1) != (name == tc.name) {
				t.Errorf("with %s set, %s has current %d", tc.name, name, m.number(3))
			}
		}
	}
	theirs := foreign.admin.must(t, organizationService+"ListMemberships").at(t, 1).text(1)
	for what, id := range map[string]string{"somebody else's": theirs, "nobody's": "0f8fad5b-d9cb-469f-a165-70867728950e", "none": "", "no id": "two"} {
		_, err := dee.call(t, set, text(1, id))
		refused{code: codes.NotFound}.check(t, what, err)
	}
	for what, c := range map[string]caller{"a token": one.controlplane, "an instance token": one.admin} {
		_, err := c.call(t, set, text(1, ids["one"]))
		refused{code: codes.PermissionDenied}.check(t, what, err)
	}
}
