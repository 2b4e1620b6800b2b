package wire

import (
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/managedcas/managedcas/test/sources"
)

// §1.6, §3: what a command asks for before anything else. A membership without its
// organization, or no user, crashes the client.
func TestContextCurrent(t *testing.T) {
	t.Parallel()
	s := newSite(t, "current")
	named := s.controlplane
	named.organization = s.name
	for what, tc := range map[string]struct {
		caller     caller
		membership int
		backend    int
	}{
		"a token that names nothing": {s.controlplane, 0, 1},
		"a token that names its own": {named, 1, 1},
		"an instance token":          {caller{conn: s.admin.conn, token: s.admin.token}, 0, 0},
		"an instance token, --org":   {s.admin, 1, 1},
	} {
		result := tc.caller.must(t, "controlplane.v1.ContextService/Current").at(t, 1)
		if user := result.at(t, 1); user.text(1) == "" || user.text(2) == "" {
			t.Errorf("%s: user %v", what, user)
		}
		if len(result[2]) != tc.membership || len(result[3]) != tc.backend {
			t.Fatalf("%s: %d memberships, %d backends", what, len(result[2]), len(result[3]))
		}
		if tc.membership == 1 {
			if item := result.at(t, 2, 2); item.text(2) != s.name || !isUUID(item.text(1)) || len(item[3]) != 1 {
				t.Errorf("%s: organization %v", what, item)
			}
		}
		if tc.backend == 1 {
			checkBackend(t, result.at(t, 3))
		}
	}
}

// checkBackend: a push is refused without a UUID and a name (§6.3); the labels are those of
// §9.
func checkBackend(t *testing.T, b message) {
	t.Helper()
	b.only(t, "CASBackendItem", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
	if !isUUID(b.text(1)) || b.text(11) == "" || b.text(2) == "" || b.text(7) == "" || b.number(8) != 1 || b.number(10) != 0 || b.number(15) != 1 || b.number(6) != 1 {
		t.Errorf("backend %v", b)
	}
	if limit := b.at(t, 9).number(1); limit != maxArtifact {
		t.Errorf("max_bytes %d", limit)
	}
	times(t, "backend", b, map[protowire.Number]bool{4: true, 5: true})
}

// §3: every item has its organization.
func TestListsOfOrganizations(t *testing.T) {
	t.Parallel()
	s := newSite(t, "listed")
	own := s.controlplane.must(t, "controlplane.v1.UserService/ListMemberships")
	if len(own[1]) != 1 || own.at(t, 1, 2).text(2) != s.name {
		t.Errorf("memberships of a token: %v", own)
	}
	all := s.admin.must(t, "controlplane.v1.UserService/ListMemberships")
	for _, item := range all[1] {
		m := parse(t, item.bytes)
		m.only(t, "OrgMembershipItem", 1, 2, 3, 4, 5, 6, 7)
		if name := m.at(t, 2).text(2); name == "" || m.number(6) == 0 || (m.number(3) == 1) != (name == s.name) {
			t.Errorf("%s: role %d, current %d", name, m.number(6), m.number(3))
		}
	}
	backends := s.controlplane.must(t, "controlplane.v1.CASBackendService/List")
	checkBackend(t, backends.at(t, 1))
}

// §3: the result is read unchecked.
func TestOrganizationCreate(t *testing.T) {
	t.Parallel()
	sources.Note(t)
	a := admin(t)
	if made := a.must(t, "controlplane.v1.OrganizationService/Create", text(1, "created")).at(t, 1); made.text(2) != "created" || !isUUID(made.text(1)) {
		t.Errorf("%v", made)
	}
	_, err := a.call(t, "controlplane.v1.OrganizationService/Create", text(1, "created"))
	refused{code: codes.AlreadyExists}.check(t, "again", err)
	for _, name := range []string{"", "Capital", "under_score", "-a", "a\n", "../x", string(make([]byte, 64)), "0f8fad5b-d9cb-469f-a165-70867728950e"} {
		_, err := a.call(t, "controlplane.v1.OrganizationService/Create", text(1, name))
		refused{code: codes.InvalidArgument}.check(t, name, err)
	}
}

// §3, §5.1: who is who, for anybody.
func TestStatus(t *testing.T) {
	t.Parallel()
	sources.Note(t)
	plane, cas := caller{conn: dial(t, daemon.Controlplane.GRPC)}, caller{conn: dial(t, daemon.CAS.GRPC)}
	if plane.must(t, "controlplane.v1.StatusService/Infoz").text(2) == "" || cas.must(t, "cas.v1.StatusService/Infoz").text(1) == "" {
		t.Error("no version")
	}
	for _, readiness := range [][]byte{nil, yes(1)} {
		plane.must(t, "controlplane.v1.StatusService/Statusz", readiness)
		cas.must(t, "cas.v1.StatusService/Statusz", readiness)
	}
	for _, c := range []caller{plane, cas} {
		if c.must(t, "grpc.health.v1.Health/Check").number(1) != 1 {
			t.Error("not SERVING")
		}
	}
	for _, url := range []string{daemon.Controlplane.HTTP, daemon.CAS.HTTP} {
		for _, path := range []string{"/infoz", "/statusz"} {
			resp, err := http.Get(url + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s%s: %s", url, path, resp.Status)
			}
		}
	}
}

// Reflection is for callers: it tells the names of the services of §0.
func TestReflection(t *testing.T) {
	t.Parallel()
	s := newSite(t, "reflected")
	for _, version := range []string{"v1", "v1alpha"} {
		method := "grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo"
		for what, c := range map[string]caller{"controlplane.v1.AttestationService": s.controlplane, "google.bytestream.ByteStream": s.cas(t, 2, "")} {
			answers, err := c.exchange(t, method, [][]byte{text(7, "")}, true)
			found := false
			if err == nil && len(answers) == 1 {
				for _, service := range answers[0].at(t, 6)[1] {
					found = found || parse(t, service.bytes).text(1) == what
				}
			}
			if !found {
				t.Errorf("%s: %s is not told: %v", version, what, err)
			}
			c.token = ""
			_, err = c.exchange(t, method, [][]byte{text(7, "")}, true)
			refused{code: codes.Unauthenticated}.check(t, version+" without a token", err)
		}
	}
}

// §7.1: what the stock client recognises by its exact text, or by code and reason.
func TestErrorsThatTheClientKnows(t *testing.T) {
	t.Parallel()
	s := newSite(t, "errors")
	newSite(t, "others")
	const list = "controlplane.v1.CASBackendService/List"
	with := func(token, organization string) caller {
		return caller{conn: s.admin.conn, token: token, organization: organization}
	}
	brief := s.admin.must(t, "controlplane.v1.APITokenService/Create", text(3, "brief"), data(2, number(1, 1))).at(t, 1)
	revoked := s.admin.must(t, "controlplane.v1.APITokenService/Create", text(3, "revoked")).at(t, 1)
	with(revoked.text(2), "").must(t, list)
	s.admin.must(t, "controlplane.v1.APITokenService/Revoke", text(1, revoked.at(t, 1).text(1)))
	for what, tc := range map[string]struct {
		caller caller
		want   refused
	}{
		"no token":                       {with("", ""), refused{codes.Unauthenticated, "JWT token is missing", ""}},
		"no JWT":                         {with("swordfish", ""), refused{codes.Unauthenticated, "Token is invalid", ""}},
		"another signature":              {with(s.controlplane.token[:len(s.controlplane.token)-8]+"AAAAAAAA", ""), refused{codes.Unauthenticated, "Token is invalid", ""}},
		"a token of the CAS":             {with(s.cas(t, 2, "").token, ""), refused{codes.Unauthenticated, "Token is invalid", ""}},
		"revoked":                        {with(revoked.text(2), ""), refused{codes.Unauthenticated, "Token is invalid", ""}},
		"another organization":           {with(s.controlplane.token, "others"), refused{codes.PermissionDenied, "", "USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG"}},
		"no such organization":           {with(s.controlplane.token, "nobody"), refused{codes.PermissionDenied, "", "USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG"}},
		"--org of no such organization":  {with(s.admin.token, "nobody"), refused{codes.PermissionDenied, "", "USER_NOT_MEMBER_OF_ORG_ERROR_NOT_IN_ORG"}},
		"--org of nothing":               {with(s.admin.token, ""), refused{codes.InvalidArgument, "name one with --org", ""}},
		"an instance's --org of another": {with(s.admin.token, "others"), refused{}},
	} {
		_, err := tc.caller.call(t, list)
		tc.want.check(t, what, err)
	}
	err := await(t.Context(), func() (bool, error) {
		_, err := with(brief.text(2), "").call(t, list)
		if err == nil {
			return false, nil
		}
		refused{codes.Unauthenticated, "JWT token has expired", ""}.check(t, "expired", err)
		return true, nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, method := range []string{"GenerateSigningCert", "GetTrustedRoot"} {
		_, err := s.controlplane.call(t, "controlplane.v1.SigningService/"+method)
		refused{code: codes.Unimplemented, message: "certificate authority"}.check(t, method, err)
	}
	_, err = s.controlplane.call(t, "controlplane.v1.NoService/Method")
	if err == nil {
		t.Error("an unknown method was answered")
	}
}
