package doctor

import (
	"errors"
	"fmt"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

func putTrust(role string, trust *iam.Document) string {
	return "aws iam update-assume-role-policy --role-name " + role + " --policy-document " + quoted(string(compact(trust)))
}

func putRolePolicy(role string, policy *iam.Document) string {
	return "aws iam put-role-policy --role-name " + role + " --policy-name " + inlinePolicy + " --policy-document " + quoted(string(compact(policy)))
}

// createRole is safe to repeat: a role that exists stays as it is.
func createRole(role string, trust *iam.Document) string {
	return fmt.Sprintf("aws iam create-role --role-name %s --max-session-duration 3600 --assume-role-policy-document %s || aws iam get-role --role-name %s",
		role, quoted(string(compact(trust))), role)
}

// trustFix replaces the base role's trust policy.
func trustFix(in tenancy.Installation, text string) Fix {
	trust := in.BaseRoleTrust()
	return Fix{Text: text, Commands: []string{putTrust(in.BaseRoleName, trust)}, Document: compact(trust)}
}

// errNoBaseRole is why nothing more is said about a base role that is not there.
var errNoBaseRole = errors.New("there is no base role")
