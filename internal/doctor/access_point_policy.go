package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// accessPointPolicies asks the policies of some organizations' access points for what only
// the organization's own sessions may do. The bucket delegates to access points: what their
// policies let through, nothing else stops, but for sessions of the base role.
func accessPointPolicies(o Observation) ([]Finding, error) {
	if o.BaseRole.Role.Err != nil {
		return nil, o.baseRoleUnseen()
	}
	in, id := o.Installation, o.BaseRole.Role.Value.ID
	var open []string
	var why string
	for _, p := range o.AccessPointPolicies {
		tenant, ours := in.TenantOfAP(p.Name)
		policy, err := iam.Parse(iam.KindAP, p.Text.Value)
		if p.Text.Err != nil || !ours || err != nil {
			continue // sessions/base-role-id says so
		}
		if because := letsIn(in, tenant, policy, tenant.APPolicy(id), id); because != "" {
			open, why = append(open, p.Name), because
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	return []Finding{{
		Code: "access-point-policy", Status: Failed,
		What:        "policies of organizations' access points let somebody else in: " + firstOf(open),
		Evidence:    fmt.Sprintf("s3:GetAccessPointPolicy, of %d that were looked at: %s", len(o.AccessPointPolicies), why),
		Consequence: "whoever IAM allows it reads and writes these organizations' artifacts",
		Fix:         Fix{Text: "find out who has written them (CloudTrail: PutAccessPointPolicy). A backend that runs writes them again in its next deep cycle; otherwise start it, or run `managedcasd reconcile`"},
	}}, nil
}

// letsIn returns what a policy allows that the organization's own does not.
func letsIn(in tenancy.Installation, t tenancy.Tenant, policy, own *iam.Document, roleID string) string {
	_, other := tenants(in)
	neighbour := roleSession(in, in.BaseRoleName, in.BaseRoleARN(), roleID, other.SessionName())
	neighbour.tags = other.SessionTags()
	whom := []subject{somebody(in, in.AccountID), somebody(in, anotherAccount(in)), neighbour}
	for _, a := range suspects(in, policy) {
		whom = append(whom, subject{principal: a.principal, role: a.role, account: a.account, userID: a.userID})
	}
	for _, st := range policy.Statements {
		if st.Effect == iam.Allow && st.Principals != nil {
			for _, entry := range slices.Concat(st.Principals.AWS, st.Principals.Service) {
				a := grantee(in, entry)
				whom = append(whom, subject{principal: a.principal, role: a.role, account: a.account, userID: a.userID})
			}
		}
	}
	policy, own = granting(in, dependable(in, policy)), granting(in, dependable(in, own))
	ap, key := t.APARN(), artifact(t)
	requests := []request{{action: "s3:ListBucket", resource: ap, keys: throughAccessPoint(in, ap, keys("s3:prefix", key))}}
	for _, action := range objectActions() {
		requests = append(requests, request{action: action, resource: ap + "/object/" + key, keys: objectKeys(in, ap, action)})
	}
	for _, s := range whom {
		s.identity = everything()
		for _, r := range requests {
			have, want := r, r
			have.policy, want.policy = policy, own
			if d := s.decide(in, have); d.Allowed() && !s.decide(in, want).Allowed() {
				return strings.TrimSuffix(d.Because[0].Text, ".") + " to " + s.principal + " on " + r.resource
			}
		}
	}
	return ""
}
