package wire

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
)

// §6.6: organization api-token create, list and revoke.
func TestAPITokenList(t *testing.T) {
	t.Parallel()
	s := newSite(t, "tokens") // which has made the token ci, and used it
	const tokens = "controlplane.v1.APITokenService/"
	full := func(name string, more ...[]byte) message {
		got := s.admin.must(t, tokens+"Create", append(more, text(3, name))...)
		got.only(t, "APITokenServiceCreateResponse", 1)
		result := got.at(t, 1)
		result.only(t, "APITokenFull", 1, 2)
		if result.at(t, 1).text(7) != name || strings.Count(result.text(2), ".") != 2 {
			t.Errorf("created %v", result.at(t, 1))
		}
		return result
	}
	full("brief", data(2, number(1, 3600)))
	revoked := full("revoked")
	if m := s.admin.must(t, tokens+"Revoke", text(1, revoked.at(t, 1).text(1))); len(m) != 0 {
		t.Errorf("revoked: %v", m)
	}
	organization := s.admin.must(t, "controlplane.v1.ContextService/Current").at(t, 1, 2, 2).text(1)
	for what, tc := range map[string]struct {
		fields [][]byte
		want   string
	}{
		"as it is":        {nil, "brief ci"},
		"active":          {[][]byte{number(5, 0)}, "brief ci"},
		"include_revoked": {[][]byte{yes(1)}, "brief ci revoked"},
		"revoked":         {[][]byte{number(5, 1)}, "revoked"},
		"all":             {[][]byte{number(5, 2)}, "brief ci revoked"},
		"of no project":   {[][]byte{number(2, 2)}, "brief ci"},
	} {
		got := s.admin.must(t, tokens+"List", tc.fields...)
		got.only(t, "APITokenServiceListResponse", 1)
		names := map[string]bool{}
		for _, raw := range got[1] {
			item := parse(t, raw.bytes)
			name := item.text(7)
			names[name] = true
			item.only(t, "APITokenItem", 1, 2, 3, 4, 5, 6, 7, 8, 10, 11)
			if !isUUID(item.text(1)) || item.text(3) != organization || item.text(8) != s.name || len(item[10]) != 0 {
				t.Errorf("%s: %s: %v", what, name, item)
			}
			times(t, what+": "+name, item, map[protowire.Number]bool{4: true, 5: name == "revoked", 6: name == "brief", 11: name == "ci"})
			for _, field := range item {
				if strings.Contains(string(field[0].bytes), "eyJ") {
					t.Errorf("%s: %s: a token is shown: %v", what, name, item)
				}
			}
		}
		for _, name := range strings.Fields("brief ci revoked") {
			if names[name] != strings.Contains(" "+tc.want+" ", " "+name+" ") {
				t.Errorf("%s: %v, want %s", what, names, tc.want)
			}
		}
	}
	_, err := s.controlplane.call(t, tokens+"List")
	refused{code: codes.PermissionDenied}.check(t, "with the organization's token", err)

	// Without an organization they are the installation's, which have none.
	for _, raw := range admin(t).must(t, tokens+"List")[1] {
		if item := parse(t, raw.bytes); item.text(3) != "" || item.text(8) != "" || !isUUID(item.text(1)) {
			t.Errorf("of the installation: %v", item)
		}
	}
}
