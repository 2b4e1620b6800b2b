package intrusion

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/managedcas/managedcas/internal/registry"
)

// use is what a token does: it asks for everything, again and again.
func (c *crowd) use(t *testing.T, ctx context.Context, o *crowded, token *crowdToken, n int) {
	as := caller{"token", token.text, ""}
	for ; ctx.Err() == nil; n++ {
		as.organization = []string{"", o.mark}[n%2]
		other := c.members[rand.IntN(len(c.members))]
		if token.gone.Load() {
			c.call(t, o, as, listArtifacts, "", "", tokenInvalid)
			return
		}
		want := []string{ok}
		answered := func() []string { // what became of the token while it was asked with
			if token.revoking.Load() {
				return append(want, tokenInvalid)
			}
			return want
		}
		switch n % 8 {
		case 0:
			c.asked(t, o, as, listArtifacts, "", "", answered)
		case 1:
			c.asked(t, o, as, "managedcas.v1.ArtifactService/FindMissing", "digests", other.digest.String(), answered)
		case 2:
			c.asked(t, o, as, credentials, "digest", other.digest.String(), answered)
		case 3:
			c.asked(t, o, as, "controlplane.v1.ContextService/Current", "", "", answered)
		case 4:
			c.asked(t, o, as, "controlplane.v1.OrganizationService/ListMemberships", "", "", answered)
		case 5:
			c.asked(t, o, as, "controlplane.v1.CASBackendService/List", "", "", answered)
		case 6:
			c.asked(t, o, as, "managedcas.v1.OrganizationAdminService/Describe", "", "", answered)
		case 7:
			if other != o {
				as.organization = other.mark
				want = []string{notTheTokens}
				c.asked(t, o, as, listArtifacts, "", "", answered)
			}
		}
	}
}

// asked is call with outcomes that are known only afterwards.
func (c *crowd) asked(t *testing.T, o *crowded, as caller, method, path, value string, outcomes func() []string) {
	got := c.call(t, o, as, method, path, value, "")
	for _, want := range outcomes() {
		if got.outcome == want {
			return
		}
	}
	t.Errorf("%s as %s of %s: %q, want one of %q", method, as.name, o.mark, got.outcome, outcomes())
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
				c.call(t, o, as, "controlplane.v1.APITokenService/Revoke", "id", token.id.String(), ok)
				token.gone.Store(true)
			}
		case 1:
			c.call(t, o, as, "controlplane.v1.APITokenService/Create", "", "", ok)
		case 2:
			c.call(t, o, as, listTokens, "", "", ok)
		case 3:
			c.call(t, o, as, "managedcas.v1.InvitationService/Create", "email", o.mark+"-new@example.com", ok)
			c.call(t, o, as, "managedcas.v1.InvitationService/List", "", "", ok)
		case 4: // the worker goes and comes
			c.call(t, o, as, "managedcas.v1.MemberService/Remove", "membership_id", o.hired.ID.String(), ok)
			o.hired = c.join(t, o, o.user, []registry.Role{registry.Viewer, registry.Member}[n/6%2])
		case 5:
			name := nobodys(names, "")
			c.call(t, o, caller{"owner", o.owner, ""}, "controlplane.v1.OrganizationService/Create", "name", name, ok)
			c.call(t, o, as, "controlplane.v1.OrganizationService/Delete", "name", name, ok)
		}
	}
}

// work is what a member does who is now and then none.
func (c *crowd) work(t *testing.T, ctx context.Context, o *crowded) {
	for n := 0; ctx.Err() == nil; n++ {
		as := caller{"worker", o.worker, o.mark}
		c.call(t, o, as, listArtifacts, "", "", ok, noMember)
		c.call(t, o, as, "controlplane.v1.UserService/ListMemberships", "", "", ok, noMember)
		as.organization = ""
		c.call(t, o, as, "controlplane.v1.OrganizationService/ListMemberships", "", "", ok, namesNone)
		if other := c.members[rand.IntN(len(c.members))]; other != o {
			as.organization = other.mark
			c.call(t, o, as, listArtifacts, "", "", noMember)
		}
	}
}

// roam is what somebody does who is in two organizations and changes the current one. An
// answer is of one of them, never of both.
func (c *crowd) roam(t *testing.T, ctx context.Context, o, next *crowded) {
	for n := 0; ctx.Err() == nil; n++ {
		in := []*crowded{o, next}[n%2]
		as := caller{"nomad", o.nomad, ""}
		c.call(t, in, as, "controlplane.v1.UserService/SetCurrentMembership", "membership_id", o.stays[in].ID.String(), ok)
		c.call(t, in, as, listArtifacts, "", "", ok)
		c.call(t, in, as, credentials, "digest", in.digest.String(), ok)
		as.organization = o.mark
		c.call(t, o, as, listArtifacts, "", "", ok)
	}
}
