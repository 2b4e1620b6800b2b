package intrusion

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/managedcas/managedcas/internal/registry"
)

// use is what a token does: it asks for everything, again and again. Its first call is made
// however late it is.
func (c *crowd) use(t *testing.T, ctx context.Context, o *crowded, token *crowdToken, n int) {
	answered := func(want string) func() []string { // what became of the token meanwhile
		return func() []string {
			if token.revoking.Load() {
				return []string{want, tokenInvalid}
			}
			return []string{want}
		}
	}
	during := t.Context()
	for ; during.Err() == nil; n++ {
		as := caller{"token", token.text, []string{"", o.mark}[n%2]}
		other := c.members[rand.IntN(len(c.members))]
		if token.gone.Load() {
			c.call(t, ctx, o, as, listArtifacts, "", "", one(tokenInvalid))
			return
		}
		method, path, value, want := listArtifacts, "", "", ok
		switch n % 8 {
		case 0:
			if other != o {
				as.organization, want = other.mark, notTheTokens
			}
		case 1:
			method, path, value = "managedcas.v1.ArtifactService/FindMissing", "digests", other.digest.String()
		case 2:
			method, path, value = credentials, "digest", other.digest.String()
		case 3:
			method = "controlplane.v1.ContextService/Current"
		case 4:
			method = "controlplane.v1.OrganizationService/ListMemberships"
		case 5:
			method = "controlplane.v1.CASBackendService/List"
		case 6:
			method = "managedcas.v1.OrganizationAdminService/Describe"
		}
		if c.call(t, during, o, as, method, path, value, answered(want)) {
			token.used.Store(true)
		}
		during = ctx
	}
}

// govern is what an owner does: tokens, invitations, organizations come and go.
func (c *crowd) govern(t *testing.T, ctx context.Context, o *crowded) {
	as := caller{"owner", o.owner, o.mark}
	for n := 0; ctx.Err() == nil; n++ {
		switch n % 6 {
		case 0:
			if n/6 < len(o.tokens)/2 { // the others stay to the end
				token := o.tokens[n/6]
				token.revoking.Store(true)
				if c.call(t, ctx, o, as, "controlplane.v1.APITokenService/Revoke", "id", token.id.String(), one(ok)) {
					token.gone.Store(true)
				}
			}
		case 1:
			c.call(t, ctx, o, as, "controlplane.v1.APITokenService/Create", "", "", one(ok))
		case 2:
			c.call(t, ctx, o, as, listTokens, "", "", one(ok))
		case 3:
			c.call(t, ctx, o, as, "managedcas.v1.InvitationService/Create", "email", o.mark+"-new@example.com", one(ok))
			c.call(t, ctx, o, as, "managedcas.v1.InvitationService/List", "", "", one(ok))
		case 4: // the worker goes and comes
			if !c.call(t, ctx, o, as, "managedcas.v1.MemberService/Remove", "membership_id", o.hired.ID.String(), one(ok)) {
				return
			}
			o.hired = c.join(t, o, o.user, []registry.Role{registry.Viewer, registry.Member}[n/6%2])
		case 5:
			name := nobodys(names, "")
			c.call(t, ctx, o, caller{"owner", o.owner, ""}, "controlplane.v1.OrganizationService/Create", "name", name, one(ok))
			c.call(t, ctx, o, as, "controlplane.v1.OrganizationService/Delete", "name", name, one(ok))
		}
	}
}

// work is what a member does who is now and then none.
func (c *crowd) work(t *testing.T, ctx context.Context, o *crowded) {
	for ctx.Err() == nil {
		as := caller{"worker", o.worker, o.mark}
		c.call(t, ctx, o, as, listArtifacts, "", "", one(ok, noMember))
		c.call(t, ctx, o, as, "controlplane.v1.UserService/ListMemberships", "", "", one(ok, noMember))
		as.organization = ""
		c.call(t, ctx, o, as, "controlplane.v1.OrganizationService/ListMemberships", "", "", one(ok, namesNone))
		if other := c.members[rand.IntN(len(c.members))]; other != o {
			as.organization = other.mark
			c.call(t, ctx, o, as, listArtifacts, "", "", one(noMember))
		}
	}
}

// roam is what somebody does who is in two organizations and changes the current one. An
// answer is of one of them, never of both.
func (c *crowd) roam(t *testing.T, ctx context.Context, o, next *crowded) {
	for n := 0; ctx.Err() == nil; n++ {
		in := []*crowded{o, next}[n%2]
		as := caller{"nomad", o.nomad, ""}
		c.call(t, ctx, in, as, "controlplane.v1.UserService/SetCurrentMembership", "membership_id", o.stays[in].ID.String(), one(ok))
		c.call(t, ctx, in, as, listArtifacts, "", "", one(ok))
		c.call(t, ctx, in, as, credentials, "digest", in.digest.String(), one(ok))
		as.organization = o.mark
		c.call(t, ctx, o, as, listArtifacts, "", "", one(ok))
	}
}
