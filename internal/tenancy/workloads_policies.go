package tenancy

import "github.com/managedcas/managedcas/internal/iam"

// managesSessionPolicies is what the backend may do to managed policies: no more than the
// mode needs. What another mode has left behind may be read and deleted in each.
//
// In the mode Inline the backend can write no policy at all: that no session policy could
// be widened is worth more there than that it could be repaired, for it is not stored.
func (in Installation) managesSessionPolicies() []iam.Statement {
	superseded := iam.Statement{
		Sid:    "SupersededSessionPolicies",
		Effect: iam.Allow,
		Actions: []string{
			"iam:DeletePolicy", "iam:GetPolicy",
			"iam:DeletePolicyVersion", "iam:GetPolicyVersion", "iam:ListPolicyVersions",
		},
		Resources: []string{in.SessionPolicyARNPattern()},
	}
	switch in.SessionPolicyMode {
	case Inline:
		return []iam.Statement{superseded}
	case ABAC:
		return []iam.Statement{{
			Sid:       "SharedSessionPolicy",
			Effect:    iam.Allow,
			Actions:   []string{"iam:CreatePolicy", "iam:CreatePolicyVersion"},
			Resources: []string{in.SharedPolicyARN()},
		}, superseded}
	}
	return []iam.Statement{{
		Sid:    "SessionPolicyLifecycle",
		Effect: iam.Allow,
		Actions: []string{
			"iam:CreatePolicy", "iam:DeletePolicy", "iam:GetPolicy",
			"iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:GetPolicyVersion",
			"iam:ListPolicyVersions", "iam:SetDefaultPolicyVersion",
			"iam:TagPolicy", "iam:UntagPolicy", "iam:ListPolicyTags",
		},
		Resources: []string{in.SessionPolicyARNPattern()},
	}}
}
