package diagnosis

import (
	"fmt"
	"strings"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// identityRows are further mistakes in the roles: seen by another identity than in their
// own rows, or made in the roles of pods by IRSA.
func identityRows() []row {
	const session = "arn:aws:s3:us-east-1:" + accountID + ":accesspoint/chainloop-"
	return []row{
		baseRoleTrust("trust-other-account", "administrator", besides(trusting(named("arn:aws:iam::999999999999:root"), "sts:AssumeRole"))),
		baseRolePermissions("base-role-other-key", "administrator", replaced(":key/", ":key/0")),
		baseRolePermissions("base-role-key-outside-s3", "backend", besides(allow(nil, "kms:Decrypt", "*"))),
		baseRolePermissions("base-role-other-organization", "backend", besides(allow(nil, "s3:GetObject", session+"*/object/${aws:PrincipalTag/org}/*"))),
		{code: "role-boundary", as: "administrator", mistake: []string{
			`aws iam create-policy --policy-name limits --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'`,
			"aws iam put-role-permissions-boundary --role-name $BASE --permissions-boundary arn:aws:iam::$ACCOUNT:policy/limits",
		}},
		backendPermissions("backend-key-read", "backend", lacking("kms:DescribeKey")),
		backendPermissions("backend-access-point-prefix", "backend", replaced("accesspoint/chainloop-", "accesspoint/other-")),
		backendPermissions("session-policy-prefix", "backend", replaced("policy/cas-", "policy/other-")),
		inMode("inline", backendPermissions("session-policy-mode", "administrator", otherMode(tenancy.Managed))),
		inMode("abac", backendPermissions("session-policy-mode", "administrator", otherMode(tenancy.Managed))),
		irsa("irsa-subject", accountID, `"StringEquals":{`+audience+`}`),
		irsa("irsa-subject-wildcard", accountID, `"StringLike":{"oidc.example.com/id/1:sub":"system:serviceaccount:managedcas:*"},"StringEquals":{`+audience+`}`),
		irsa("irsa-audience", accountID, `"StringEquals":{`+subject+`}`),
	}
}

// otherMode has the permissions of another mode of session policies.
func otherMode(mode tenancy.SessionPolicyMode) change {
	return func(in tenancy.Installation, _ *iam.Document) *iam.Document {
		in.SessionPolicyMode = mode
		return in.BackendPermissions()
	}
}

func inMode(mode string, r row) row {
	r.more = []string{"sessionPolicyMode: " + mode}
	return r
}

const (
	provider = "arn:aws:iam::" + accountID + ":oidc-provider/oidc.example.com/id/1"
	subject  = `"oidc.example.com/id/1:sub":"system:serviceaccount:managedcas:cas"`
	audience = `"oidc.example.com/id/1:aud":"sts.amazonaws.com"`
)

// irsa is a mistake in the trust policy of a role that pods get by web identity tokens.
func irsa(code, account, condition string) row {
	return row{code: code, as: "administrator", mistake: []string{
		`aws iam create-open-id-connect-provider --url https://oidc.example.com/id/1 --client-id-list sts.amazonaws.com`,
		fmt.Sprintf(`aws iam update-assume-role-policy --role-name $CAS --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"%s"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{%s}}]}'`,
			strings.Replace(provider, accountID, account, 1), condition),
	}}
}
