package doctor

import (
	"fmt"
	"slices"
	"time"
)

func baseRoleChecks() []check {
	return slices.Concat([]check{
		{"base-role/exists", "the base role is there, under the ARN that the configuration makes", baseRoleExists},
		{"base-role/max-session", "sessions of the base role last an hour at most", baseRoleMaxSession},
	}, trustChecks(), permissionChecks())
}

// baseRoleExists looks for the role under the ARN that policies name. A role's path is part
// of its ARN and not of its name.
func baseRoleExists(o Observation) ([]Finding, error) {
	in, role := o.Installation, o.BaseRole
	trust, permissions := in.BaseRoleTrust(), in.BaseRolePermissions()
	create := []string{createRole(in.BaseRoleName, trust), putTrust(in.BaseRoleName, trust), putRolePolicy(in.BaseRoleName, permissions)}
	create = append(create, putKeyPolicy(in).Commands...) // which names the role, and AWS another one
	switch {
	case role.missing():
		return []Finding{{
			Code: "base-role-missing", Status: Failed,
			What:        "there is no base role " + in.BaseRoleName,
			Evidence:    fmt.Sprint(role.Role.Err),
			Consequence: "no organization gets a session: nothing can be stored or read",
			Fix:         Fix{Text: "create the role; the backend then writes its id into the policy of every access point", Commands: create, Document: compact(trust)},
		}}, nil
	case role.Role.Err != nil:
		return nil, role.Role.Err
	case role.Role.Value.ARN != in.BaseRoleARN():
		return []Finding{{
			Code: "base-role-path", Status: Failed,
			What:        "the base role has another ARN than the configuration makes of its name",
			Evidence:    fmt.Sprintf("iam:GetRole: %s; configured: %s", role.Role.Value.ARN, in.BaseRoleARN()),
			Consequence: "every policy names a role that is not there: no organization gets a session",
			Fix:         Fix{Text: "give the role the path \"/\", which takes a new role: delete this one with its policies, then run `managedcasd provision`; or choose another baseRoleName. If only the account differs, correct accountId"},
		}}, nil
	}
	return nil, nil
}

// baseRoleMaxSession warns only: workloads chain roles, and AWS gives such sessions an hour
// whatever the role says (facts AWS §4.1).
func baseRoleMaxSession(o Observation) ([]Finding, error) {
	if o.BaseRole.Role.Err != nil {
		return nil, o.baseRoleUnseen()
	}
	if longest := o.BaseRole.Role.Value.MaxSession; longest > time.Hour {
		return []Finding{{
			Code: "base-role-max-session", Status: Warning,
			What:        fmt.Sprintf("sessions of the base role may last %v", longest),
			Evidence:    fmt.Sprintf("iam:GetRole: MaxSessionDuration=%d", int(longest.Seconds())),
			Consequence: "workloads get an hour all the same; whoever assumes the role without chaining gets a session that works for longer",
			Fix: Fix{
				Text:     "limit sessions to an hour",
				Commands: []string{"aws iam update-role --role-name " + o.Installation.BaseRoleName + " --max-session-duration 3600"},
			},
		}}, nil
	}
	return nil, nil
}

// baseRoleUnseen is why nothing is said about the base role.
func (o Observation) baseRoleUnseen() error {
	if o.BaseRole.missing() {
		return errNoBaseRole
	}
	return o.BaseRole.Role.Err
}
