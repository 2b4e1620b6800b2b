package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// purgeRoleChecks are about the one role that deletes objects, where there is one. The backend
// may not read it, which an administrator may.
func purgeRoleChecks() []check {
	return []check{
		{"purge-role/trust", "nobody but the backend gets sessions of the purge role", purgeRoleTrust},
		{"purge-role/narrow", "the purge role may do no more than purge", purgeRoleNarrow},
	}
}

func purgeRoleTrust(o Observation) ([]Finding, error) {
	in, role := o.Installation, o.PurgeRole
	if !in.Purges() {
		return nil, nil
	}
	if role.missing() {
		return []Finding{{
			Code: "purge-role-missing", Status: Failed,
			What:        "there is no purge role " + in.PurgeRoleName,
			Evidence:    fmt.Sprint(role.Role.Err),
			Consequence: "artifacts of deleted organizations stay for ever, in spite of purge.enabled",
			Fix: Fix{Text: "create the role", Document: compact(in.PurgeRoleTrust()), Commands: []string{
				createRole(in.PurgeRoleName, in.PurgeRoleTrust()), putRolePolicy(in.PurgeRoleName, in.PurgeRolePermissions()),
			}},
		}}, nil
	}
	trust, err := role.trust()
	if err != nil {
		return nil, err
	}
	var others []string
	var why string
	for _, s := range purgeStrangers(in, trust) {
		if because := s.purges(in, openly(trust)); because != "" && !slices.Contains(others, s.entry) {
			others, why = append(others, s.entry), because
		}
	}
	if len(others) == 0 {
		return nil, nil
	}
	return []Finding{{
		Code: "purge-role-trust", Status: Failed,
		What:        "the purge role's trust policy lets in who is not the backend: " + strings.Join(others, ", "),
		Evidence:    why,
		Consequence: "whoever that is can delete the artifacts of every organization, living ones too, for ever",
		Fix: Fix{Text: "trust the backend alone: replace the trust policy", Document: compact(in.PurgeRoleTrust()),
			Commands: []string{putTrust(in.PurgeRoleName, in.PurgeRoleTrust())}},
	}}, nil
}

// purgeStrangers are those of any role, and the other workloads.
func purgeStrangers(in tenancy.Installation, trust *iam.Document) []stranger {
	all := strangers(in, trust)
	for _, w := range workloads(in) {
		if w.Workload == Backend {
			continue
		}
		s := roleSession(in, w.Name, w.ARN, "AROAWORKLOAD00000001", "pod")
		s.identity = everything()
		all = append(all, stranger{entry: w.ARN, subject: s, actions: []string{"sts:AssumeRole"}})
	}
	return all
}

// purges returns why the stranger gets a session, of a name and a tag that purge.
func (s stranger) purges(in tenancy.Installation, trust *iam.Document) string {
	self, other := tenants(in)
	for _, a := range []assumption{
		{name: self.PurgeSessionName(), tags: self.PurgeSessionTags()}, {name: other.PurgeSessionName(), tags: self.PurgeSessionTags()}, {name: "x"},
	} {
		for _, a := range a.eitherWay() {
			for _, action := range s.actions {
				asked := a.asked(in, trust)
				for i := range asked {
					asked[i].resource = in.PurgeRoleARN()
				}
				asked[0].action = action
				if d := s.subject.all(in, asked...); d.Allowed() {
					return d.Because[0].Text
				}
			}
		}
	}
	return ""
}

func purgeRoleNarrow(o Observation) ([]Finding, error) {
	in, role := o.Installation, o.PurgeRole
	if !in.Purges() || role.missing() {
		return nil, nil
	}
	if role.Role.Err != nil {
		return nil, role.Role.Err
	}
	self, _ := tenants(in)
	session := func(policies []iam.Policy) subject {
		s := roleSession(in, in.PurgeRoleName, in.PurgeRoleARN(), role.Role.Value.ID, self.PurgeSessionName())
		s.tags, s.identity = self.PurgeSessionTags(), atMost(policies)
		return s
	}
	policies, unknown := role.identity()
	s, own := session(policies), session([]iam.Policy{{Name: inlinePolicy, Document: in.PurgeRolePermissions()}})
	if boundary, err := role.boundary(); err == nil {
		s.boundary = atMost(boundary)
	}
	var found []Finding
	for _, p := range s.identity {
		alone := s
		alone.identity = append(denials(s.identity), p)
		allowed, why := allowedOf(in, alone, surplusRequests(in, self, p.Document, own))
		if len(allowed) == 0 {
			continue
		}
		found = append(found, Finding{
			Code: "purge-role-too-wide", Status: Failed,
			What:        "policy " + p.Name + " lets the purge role do more than purge one organization: " + strings.Join(allowed, ", "),
			Evidence:    why,
			Consequence: "only the bucket policy is in the way of reading or deleting what belongs to living organizations",
			Fix: Fix{Text: "leave the purge role its own permissions alone", Document: compact(in.PurgeRolePermissions()),
				Commands: append([]string{putRolePolicy(in.PurgeRoleName, in.PurgeRolePermissions())}, role.takeAway(in.PurgeRoleName)...)},
		})
	}
	return found, unknown
}
