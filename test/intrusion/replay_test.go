package intrusion

import (
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/auth"
	"github.com/managedcas/managedcas/internal/database"
	"github.com/managedcas/managedcas/internal/database/databasetest"
	"github.com/managedcas/managedcas/internal/org"
	"github.com/managedcas/managedcas/internal/registry"
)

// atOnce is how soon every replica must know of a change.
const atOnce = time.Second

const (
	tokenInvalid  = "Unauthenticated UNAUTHENTICATED Token is invalid"
	namesNone     = "InvalidArgument INVALID_ARGUMENT the call names no organization: name one with --org"
	onlyViewer    = "PermissionDenied PERMISSION_DENIED this needs the role admin in the organization, and yours is viewer: ask one of its owners"
	beingDeleted  = "FailedPrecondition FAILED_PRECONDITION the organization is being deleted: its artifacts are no longer served"
	provisioning  = "Unavailable UNAVAILABLE the organization's storage is being provisioned: try again in a few seconds"
	listArtifacts = "managedcas.v1.ArtifactService/List"
	listTokens    = "controlplane.v1.APITokenService/List"
	credentials   = "controlplane.v1.CASCredentialsService/Get"
)

// fleet is control planes that share a database and nothing else, with two organizations.
type fleet struct {
	replicas     []*replica
	acme, globex *estate
	operator     caller
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	target := databasetest.Fresh(t, database.Migrate)
	f := &fleet{}
	for range 3 {
		f.replicas = append(f.replicas, newReplica(t, target))
	}
	r := f.replicas[0]
	f.acme, f.globex = newEstate(t, r, organization(t, r, "acme")), newEstate(t, r, organization(t, r, "globex"))
	text, _, err := r.tokens.Issue(t.Context(), auth.NewToken{Name: "operator"})
	must(t, err)
	f.operator = caller{"operator", text, ""}
	return f
}

// everywhere expects an outcome of a call at every replica, from now on.
func (f *fleet) everywhere(t *testing.T, what string, as caller, method, path, value, want string) {
	t.Helper()
	changed := time.Now()
	for i, r := range f.replicas {
		got := send(t, r.conn, as, method, request(t, method, path, value))
		for got.outcome != want && time.Since(changed) < atOnce {
			got = send(t, r.conn, as, method, request(t, method, path, value))
		}
		if got.outcome != want {
			t.Errorf("%s, %s at replica %d, after %s:\n got %q\nwant %q", what, method, i, time.Since(changed), got.outcome, want)
		}
		f.globex.keepsQuiet(t, what, got, value)
		if again := send(t, r.conn, as, method, request(t, method, path, value)); again.outcome != want {
			t.Errorf("%s, %s at replica %d: again %q", what, method, i, again.outcome)
		}
	}
	t.Logf("%s: known to %d replicas after %s", what, len(f.replicas), time.Since(changed))
}

// do makes a call at the first replica that has to work.
func (f *fleet) do(t *testing.T, as caller, method, path, value string) answer {
	t.Helper()
	got := send(t, f.replicas[0].conn, as, method, request(t, method, path, value))
	if got.outcome != ok {
		t.Fatalf("%s as %s: %s", method, as.name, got.outcome)
	}
	return got
}

func TestReplayAfterRevocation(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	owner := caller{"owner", f.acme.logins[registry.Owner], "acme"}
	token := caller{"token", f.acme.token, ""}
	f.everywhere(t, "before", token, listArtifacts, "", "", ok) // every replica has seen the signature
	f.do(t, owner, "controlplane.v1.APITokenService/Revoke", "id", f.acme.ids["ci"].String())
	f.everywhere(t, "a revoked token", token, listArtifacts, "", "", tokenInvalid)
	f.everywhere(t, "a revoked token", token, credentials, "digest", f.acme.values[digests][0], tokenInvalid)

	admin := caller{"admin", f.acme.logins[registry.Admin], "acme"}
	f.everywhere(t, "before", admin, listTokens, "", "", ok)
	list, err := f.replicas[0].db.Logins(t.Context(), f.acme.people[registry.Admin].ID)
	must(t, err)
	must(t, f.replicas[0].db.RevokeLogin(t.Context(), f.acme.people[registry.Admin].ID, list[0].ID, time.Now()))
	f.everywhere(t, "a revoked login", admin, listTokens, "", "", tokenInvalid)
}

func TestReplayAfterMembershipChanged(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	owner := caller{"owner", f.acme.logins[registry.Owner], "acme"}
	admin := caller{"admin", f.acme.logins[registry.Admin], "acme"}
	inCurrent := caller{"admin", f.acme.logins[registry.Admin], ""}
	membership := f.acme.members[registry.Admin].ID.String()
	for _, as := range []caller{admin, inCurrent} {
		f.everywhere(t, "before", as, listTokens, "", "", ok)
	}
	f.do(t, owner, "managedcas.v1.MemberService/SetRole", "membership_id", membership) // viewer
	for _, as := range []caller{admin, inCurrent} {
		f.everywhere(t, "an admin who is a viewer now", as, listTokens, "", "", onlyViewer)
		f.everywhere(t, "an admin who is a viewer now", as, listArtifacts, "", "", ok)
	}
	f.do(t, owner, "managedcas.v1.MemberService/Remove", "membership_id", membership)
	for _, m := range []string{listTokens, listArtifacts, credentials, "controlplane.v1.ContextService/Current"} {
		f.everywhere(t, "somebody who was a member", admin, m, "", "", noMember)
	}
	f.everywhere(t, "somebody who was a member, and names none", inCurrent, listArtifacts, "", "", namesNone)

	viewer := caller{"viewer", f.acme.logins[registry.Viewer], "acme"}
	f.do(t, viewer, "managedcas.v1.MemberService/Leave", "", "")
	f.everywhere(t, "somebody who has left", viewer, listArtifacts, "", "", noMember)

	// What a member was invited to besides is no way back.
	member := caller{"member", f.acme.logins[registry.Member], "acme"}
	spare := f.acme.invite(t, f.replicas[0], f.acme.people[registry.Member].Email, registry.Owner)
	f.do(t, owner, "managedcas.v1.MemberService/Remove", "membership_id", f.acme.members[registry.Member].ID.String())
	f.everywhere(t, "an invitation of somebody who was removed since", naming(member, ""), "managedcas.v1.InvitationService/Accept", "id", spare.ID.String(), notFound)
	f.everywhere(t, "somebody who was removed", member, listArtifacts, "", "", noMember)

	// An invitation is good once, and not when it is taken back.
	for name, state := range map[string]int{"accepted": 0, "revoked": 1} {
		invited := f.acme.invite(t, f.replicas[0], f.acme.people[registry.Viewer].Email, registry.Viewer)
		if state == 0 {
			f.do(t, naming(viewer, ""), "managedcas.v1.InvitationService/Accept", "id", invited.ID.String())
			f.do(t, viewer, "managedcas.v1.MemberService/Leave", "", "")
		} else {
			f.do(t, owner, "managedcas.v1.InvitationService/Revoke", "id", invited.ID.String())
		}
		f.everywhere(t, "an invitation that was "+name, naming(viewer, ""), "managedcas.v1.InvitationService/Accept", "id", invited.ID.String(), notFound)
	}
}

func naming(c caller, organization string) caller {
	c.organization = organization
	return c
}

func TestReplayAfterDeletion(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	db := f.replicas[0].db
	owner := caller{"owner", f.acme.logins[registry.Owner], "acme"}
	token := caller{"token", f.acme.token, ""}
	digest := f.acme.values[digests][0]
	f.everywhere(t, "before", token, credentials, "digest", digest, ok)
	f.do(t, owner, "controlplane.v1.OrganizationService/Delete", "name", "acme")
	f.everywhere(t, "while it is deleted", token, credentials, "digest", digest, beingDeleted)
	f.everywhere(t, "while it is deleted", owner, credentials, "digest", digest, beingDeleted)

	_, err := db.SetOrganizationState(t.Context(), f.acme.org.ID, org.Deleted, "") // as the reconciler does
	must(t, err)
	inCurrent := caller{"owner", owner.token, ""}
	for _, m := range []string{listArtifacts, credentials, listTokens, "controlplane.v1.ContextService/Current"} {
		f.everywhere(t, "a token of a deleted organization", token, m, "", "", tokenInvalid)
		f.everywhere(t, "an owner of a deleted organization", owner, m, "", "", noMember)
	}
	f.everywhere(t, "an owner of a deleted organization who names none", inCurrent, listArtifacts, "", "", namesNone)

	// Somebody else takes the name: what was acme's opens nothing there.
	other := newEstateOf(t, f.replicas[0], organization(t, f.replicas[0], "acme"), "usurper")
	delete(other.values, names) // which acme's own things have in theirs
	f.globex = other            // its values must not show
	f.everywhere(t, "a token, when another organization has the name", token, listArtifacts, "", "", tokenInvalid)
	f.everywhere(t, "a token that names it", naming(token, "acme"), listArtifacts, "", "", tokenInvalid)

	// It comes back under another name: its tokens are good again, but not those that were
	// revoked, and not with the name that is another's.
	revive := request(t, "managedcas.v1.OrganizationAdminService/Undelete", "organization", f.acme.org.ID.String())
	put(revive.ProtoReflect(), "name", "acme-again")
	if got := send(t, f.replicas[0].conn, f.operator, "managedcas.v1.OrganizationAdminService/Undelete", revive); got.outcome != ok {
		t.Fatal(got.outcome)
	}
	f.everywhere(t, "a token after undelete", token, listArtifacts, "", "", ok)
	f.everywhere(t, "a token after undelete", token, credentials, "digest", digest, provisioning)
	f.everywhere(t, "a token after undelete that names the old name", naming(token, "acme"), listArtifacts, "", "", notTheTokens)
	f.everywhere(t, "a revoked token after undelete", caller{"revoked", f.acme.revoked, ""}, listArtifacts, "", "", tokenInvalid)
	was := caller{"owner", f.acme.logins[registry.Admin], "acme"}
	f.everywhere(t, "an admin after undelete who names the old name", was, listArtifacts, "", "", noMember)
	f.everywhere(t, "an admin after undelete", naming(was, "acme-again"), listArtifacts, "", "", ok)
}
