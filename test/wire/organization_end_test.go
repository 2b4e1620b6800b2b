package wire

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/managedcas/managedcas/test/process"
)

// §3: organizations have no settings: whatever is to be changed, nothing is, and it is said
// in a way that is not tried again (§1.7).
func TestOrganizationUpdate(t *testing.T) {
	t.Parallel()
	s := newSite(t, "settled")
	for what, field := range map[string][]byte{
		"nothing": nil, "policies": yes(2), "hosts": append(text(3, "example.com"), yes(4)...), "workflows": number(5, 0), "contracts": yes(6),
		"tokens": number(7, 30), "agents": yes(8), "versions": yes(9), "variables": yes(10),
	} {
		_, err := s.admin.call(t, organizationService+"Update", text(1, s.name), field)
		refused{codes.Unimplemented, "no settings", ""}.check(t, what, err)
	}
	_, err := s.controlplane.call(t, organizationService+"Update", text(1, s.name), yes(2))
	refused{code: codes.PermissionDenied}.check(t, "with the organization's token", err)
}

// §3: an organization ends: at once for those who store, in a moment for its name.
func TestOrganizationDelete(t *testing.T) {
	t.Parallel()
	s := newSite(t, "ending")
	for what, tc := range map[string]struct {
		caller caller
		name   string
		code   codes.Code
	}{
		"with its own token": {s.controlplane, s.name, codes.PermissionDenied},
		"of no name":         {s.admin, "", codes.InvalidArgument},
		"of a bad name":      {s.admin, "../x", codes.InvalidArgument},
		"that is not there":  {s.admin, "nobody-ends", codes.NotFound},
	} {
		_, err := tc.caller.call(t, organizationService+"Delete", text(1, tc.name))
		refused{code: tc.code}.check(t, what, err)
	}
	for range 2 { // again, for a client that did not get the answer
		m, err := s.admin.call(t, organizationService+"Delete", text(1, s.name))
		if len(m) != 0 || err != nil && status.Code(err) != codes.NotFound && !strings.Contains(err.Error(), "NOT_IN_ORG") {
			t.Errorf("deleted: %v, %v", m, err)
		}
	}
	plain := admin(t)
	ctx, cancel := context.WithTimeout(t.Context(), process.Patience)
	defer cancel()
	err := await(ctx, func() (bool, error) {
		_, err := plain.call(t, organizationService+"Create", text(1, s.name))
		if status.Code(err) == codes.AlreadyExists {
			// Until then nobody stores anything in it.
			_, err := s.controlplane.call(t, "controlplane.v1.CASCredentialsService/Get", number(1, 2))
			if err == nil {
				t.Error("a token for an organization that is being deleted")
			}
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.controlplane.call(t, backendService+"List")
	refused{codes.Unauthenticated, "Token is invalid", ""}.check(t, "a token of the one that had the name", err)
}
