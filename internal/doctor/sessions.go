package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// AccessPointPolicies reads what the backend has written for organizations.
type AccessPointPolicies interface {
	AccessPointPolicy(ctx context.Context, name string) ([]byte, error)
}

// samples is of how many organizations the access point policy is read: the backend writes
// all of them alike.
const samples = 3

// sessionsSeen is what bears on the sessions of organizations that are there.
type sessionsSeen struct {
	AccessPointPolicies []policySeen // of some organizations, by the name of the access point
}

func (d *Doctor) observeSessions(ctx context.Context, account accountSeen) sessionsSeen {
	var o sessionsSeen
	in := d.cfg.Installation
	for _, ap := range account.AccessPoints.Value {
		if _, ours := in.TenantOfAP(ap.Name); !ours || ap.Bucket != in.BucketName || len(o.AccessPointPolicies) == samples {
			continue
		}
		text, err := d.cfg.AccessPointPolicies.AccessPointPolicy(ctx, ap.Name)
		o.AccessPointPolicies = append(o.AccessPointPolicies, policySeen{ap.Name, seen(text, err)})
	}
	return o
}

func sessionChecks() []check {
	return []check{
		{"sessions/base-role-id", "access point policies name the base role that there is", baseRoleID},
		{"sessions/access-point-policies", "access point policies let nobody else in", accessPointPolicies},
	}
}

// baseRoleID looks for a base role that was deleted and made again. Policies of access
// points compare its unique id, which is another one then (facts AWS §12.16).
func baseRoleID(o Observation) ([]Finding, error) {
	if o.BaseRole.Role.Err != nil {
		return nil, o.baseRoleUnseen()
	}
	in, id := o.Installation, o.BaseRole.Role.Value.ID
	var unseen error
	for _, p := range o.AccessPointPolicies {
		tenant, ours := in.TenantOfAP(p.Name)
		if p.Text.Err != nil || !ours {
			unseen = p.Text.Err
			continue
		}
		policy, err := iam.Parse(iam.KindAP, p.Text.Value)
		if err != nil {
			unseen = fmt.Errorf("policy of access point %s: %w", p.Name, err)
			continue
		}
		old := otherRoleIDs(policy, id)
		s := roleSession(in, in.BaseRoleName, in.BaseRoleARN(), id, tenant.SessionName())
		s.tags = tenant.SessionTags()
		s.identity = everything()
		read := request{action: "s3:GetObject", resource: tenant.APARN() + "/object/" + artifact(tenant), keys: objectKeys(in, tenant.APARN(), "s3:GetObject"), policy: policy}
		if d := s.decide(in, read); len(old) == 0 || d.Allowed() {
			continue
		}
		return []Finding{{
			Code: "base-role-recreated", Status: Failed,
			What:        fmt.Sprintf("the base role was made anew: access point policies are for %s, and it is %s now", strings.Join(old, ", "), id),
			Evidence:    "s3:GetAccessPointPolicy of " + p.Name + "; iam:GetRole: " + id,
			Consequence: "no organization that was there before can store or read",
			Fix:         Fix{Text: "nothing, if the backend runs: its next cycle writes all policies again. Otherwise start it, or run `managedcasd reconcile`. Then put the key policy again, which names the role that is gone", Commands: putKeyPolicy(in).Commands},
		}}, nil
	}
	return nil, unseen
}

// otherRoleIDs are the unique ids that conditions on aws:userid have in place of this one.
func otherRoleIDs(policy *iam.Document, id string) []string {
	var ids []string
	for _, st := range policy.Statements {
		for _, c := range st.Conditions {
			if !strings.EqualFold(c.Key, "aws:userid") {
				continue
			}
			for _, value := range c.Values {
				if role, _, ok := strings.Cut(value, ":"); ok && role != id {
					ids = append(ids, role)
				}
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// nearlyPacked is, in percent, how much of their space session policy and tags may take
// before it is worth a warning: names of clusters and pods, which are among the tags, vary.
// The tags of EKS Pod Identity alone take three quarters (facts AWS §4.4).
const nearlyPacked = 90

// packedFinding is about a session that the canary got.
func packedFinding(in tenancy.Installation, percent int) (Finding, bool) {
	if percent <= nearlyPacked {
		return Finding{}, false
	}
	return Finding{
		Code: "session-packed-size-near", Status: Warning,
		What:        fmt.Sprintf("session policy and session tags take %d%% of the space that STS has for them", percent),
		Evidence:    fmt.Sprintf("sts:AssumeRole: PackedPolicySize=%d; sessionPolicyMode %s", percent, in.SessionPolicyMode),
		Consequence: "a longer name of a pod, a cluster or an access point, and STS refuses every session",
		Fix:         disableTags(in),
	}, true
}
