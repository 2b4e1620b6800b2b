package diagnosis

import (
	"fmt"
	"slices"
	"strings"
)

// roleRows are the mistakes of sections 3 and 4 of the guide: the base role, and the roles
// of the workloads.
func roleRows() []row {
	return slices.Concat(trustRows(), baseRoleRows(), workloadRows(), workloadTrustRows())
}

// adding adds a statement to the JSON document that sed reads.
func adding(statement string) string {
	return `s|"Statement": *\[|&` + strings.ReplaceAll(statement, "|", `\|`) + `,|`
}

func trustRows() []row {
	trust := func(code, sed string) row {
		return row{code: code, as: "administrator", mistake: []string{fmt.Sprintf("edit_trust $BASE '%s'", sed)}}
	}
	condition := func(test string) string {
		return `s|"StringLike": *{ *"sts:RoleSessionName"|` + test + `, &|`
	}
	by := func(principal, action string) string {
		return adding(`{"Effect":"Allow","Principal":` + principal + `,"Action":"` + action + `"}`)
	}
	const account = "arn:aws:iam::123456789012:"
	return []row{
		trust("trust-workloads", `s/sts:AssumeRole/sts:SetSourceIdentity/`),
		trust("trust-backend", `s/role\/managedcas-backend/role\/managedcas-cas/g`),
		trust("trust-cas", `s/role\/managedcas-cas/role\/managedcas-backend/g`),
		trust("trust-controlplane", `s/role\/managedcas-controlplane/role\/managedcas-backend/g`),
		trust("trust-external-id", condition(`"StringEqualsIgnoreCase": {"sts:ExternalId": "x"}`)),
		trust("trust-mfa", condition(`"Bool": {"aws:MultiFactorAuthPresent": "true"}`)),
		trust("trust-network", condition(`"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}`)),
		trust("trust-condition", condition(`"StringNotLike": {"aws:RequestedRegion": "us-*"}`)),
		trust("trust-session-name-refused", `s/cas-????????-/chainloop-????????-/`),
		trust("trust-inherited-tags", `s/"eks-cluster-arn",//`),
		trust("trust-tag-refused", `s|"aws:RequestTag/org": *"?|"aws:RequestTag/tenant": "?|`),
		trust("trust-deny", adding(`{"Effect":"Deny","Principal":"*","Action":"sts:TagSession"}`)),
		trust("trust-session-name", `s/"sts:RoleSessionName": *"cas-${aws:RequestTag.org}"/"sts:RoleSessionName": ["cas-${aws:RequestTag\/org}","*"]/;s/StringEquals/StringLike/;s/"StringLike": *{ *"sts:RoleSessionName": *"cas-[?-]*" *}/"Null": {"sts:RoleSessionName": "false"}/`),
		trust("trust-account", by(`{"AWS":"`+account+`root"}`, "sts:AssumeRole")),
		trust("trust-anyone", by(`"*"`, "sts:AssumeRole")),
		trust("trust-other-account", by(`{"AWS":"arn:aws:iam::999999999999:root"}`, "sts:AssumeRole")),
		trust("trust-service", by(`{"Service":"ec2.amazonaws.com"}`, "sts:AssumeRole")),
		{code: "trust-other-principal", as: "administrator", mistake: []string{
			`aws iam create-user --user-name jo`, "edit_trust $BASE '" + by(`{"AWS":"`+account+`user/jo"}`, "sts:AssumeRole") + "'",
		}},
		{code: "trust-stale-principal", as: "backend", mistake: []string{
			`aws iam create-user --user-name jo`, "edit_trust $BASE '" + by(`{"AWS":"`+account+`user/jo"}`, "sts:AssumeRole") + "'",
			`aws iam delete-user --user-name jo`,
		}},
	}
}

func baseRoleRows() []row {
	permissions := func(code, sed string) row {
		return row{code: code, as: "administrator", mistake: []string{fmt.Sprintf("edit_permissions $BASE '%s'", sed)}}
	}
	const points = `arn:aws:s3:us-east-1:123456789012:accesspoint/chainloop-`
	allow := func(action, resource string) string {
		return adding(`{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}`)
	}
	put := func(name, document string) string {
		return fmt.Sprintf(`aws iam put-role-policy --role-name $BASE --policy-name %s --policy-document '%s'`, name, document)
	}
	return []row{
		{code: "base-role-no-permissions", as: "administrator", mistake: []string{"aws iam delete-role-policy --role-name $BASE --policy-name managedcas"}},
		permissions("base-role-get-object", `s/s3:GetObject/s3:GetObjectAttributesNot/`),
		permissions("base-role-put-object", `s/s3:PutObject/s3:PutObjectNot/`),
		permissions("base-role-list-bucket", `s/s3:ListBucket/s3:ListBucketNot/`),
		permissions("base-role-decrypt", `s/kms:Decrypt/kms:DecryptNot/`),
		permissions("base-role-generate-data-key", `s/kms:GenerateDataKey/kms:GenerateDataKeyNot/`),
		permissions("base-role-prefix", `s/accesspoint\/chainloop-/accesspoint\/chainlop-/g`),
		permissions("base-role-other-key", `s/:key\/........-/:key\/00000000-/g`),
		permissions("base-role-deny", adding(`{"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}`)),
		permissions("base-role-too-wide", allow("s3:*", "*")),
		permissions("base-role-other-organization", allow("s3:GetObject", points+"*/object/*")),
		permissions("base-role-more-actions", allow("s3:DeleteObject", points+`${aws:PrincipalTag/org}/object/${aws:PrincipalTag/org}/*`)),
		permissions("base-role-key-outside-s3", allow("kms:Decrypt", "*")),
		{code: "base-role-extra-policy", as: "backend", mistake: []string{put("debug", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)}},
		{code: "base-role-attached-policy", as: "administrator", mistake: []string{"aws iam attach-role-policy --role-name $BASE --policy-arn arn:aws:iam::aws:policy/AdministratorAccess"}},
		{code: "base-role-max-session", as: "backend", mistake: []string{"aws iam update-role --role-name $BASE --max-session-duration 43200"}},
		{code: "role-boundary", as: "administrator", mistake: []string{
			`aws iam create-policy --policy-name limits --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'`,
			"aws iam put-role-permissions-boundary --role-name $BASE --permissions-boundary arn:aws:iam::$ACCOUNT:policy/limits",
		}},
	}
}

func workloadRows() []row {
	permissions := func(code, as, role, sed string) row {
		return row{code: code, as: as, mistake: []string{fmt.Sprintf("edit_permissions $%s '%s'", role, sed)}}
	}
	allow := func(action, resource string) string {
		return adding(`{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}`)
	}
	return []row{
		{code: "workload-no-permissions", as: "administrator", mistake: []string{"aws iam delete-role-policy --role-name $CAS --policy-name managedcas"}},
		permissions("workload-assume-role", "administrator", "CAS", `s/sts:TagSession/sts:TagSessionNot/`),
		permissions("workload-deny", "backend", "CAS", adding(`{"Effect":"Deny","Action":"sts:*","Resource":"*"}`)),
		permissions("backend-access-points", "backend", "BACKEND", `s/s3:CreateAccessPoint/s3:CreateAccessPointNot/`),
		permissions("backend-access-point-prefix", "backend", "BACKEND", `s/accesspoint\/chainloop-/accesspoint\/chainlop-/g`),
		permissions("backend-session-policies", "administrator", "BACKEND", `s/"iam:CreatePolicy"/"iam:CreatePolicyNot"/`),
		permissions("session-policy-prefix", "backend", "BACKEND", `s/policy\/cas-/policy\/sessions-/g`),
		permissions("backend-base-role", "administrator", "BACKEND", `s/"iam:GetRole"/"iam:GetRoleNot"/`),
		permissions("backend-quota-reads", "administrator", "BACKEND", `s/iam:GetAccountSummary/iam:GetAccountSummaryNot/`),
		permissions("backend-key-read", "backend", "BACKEND", `s/kms:DescribeKey/kms:DescribeKeyNot/`),
		permissions("backend-configuration-reads", "administrator", "BACKEND", `s/s3:GetBucketPolicy/s3:GetBucketPolicyNot/`),
		permissions("workload-assumes-others", "administrator", "CAS", allow("sts:AssumeRole", "*")),
		permissions("workload-escalation", "administrator", "CAS", allow("kms:PutKeyPolicy", "*")),
		permissions("workload-more", "administrator", "CAS", allow("dynamodb:*", "*")),
		permissions("backend-beyond-prefix", "backend", "BACKEND", allow("s3:PutAccessPointPolicy", "*")),
		{code: "workload-direct-data", as: "administrator", mistake: []string{
			`edit_permissions $CAS 's/NoDirectData/DirectData/'`, `edit_permissions $CAS 's/"Effect": *"Deny"/"Effect": "Allow"/'`,
		}},
		{code: "session-policy-mode", as: "administrator", more: []string{"sessionPolicyMode: inline"}, mistake: []string{
			"edit_permissions $BACKEND '" + allow("iam:CreatePolicy", "arn:aws:iam::123456789012:policy/cas-*") + "'",
		}},
		{code: "session-policy-mode", as: "administrator", more: []string{"sessionPolicyMode: abac"}, mistake: []string{
			"edit_permissions $BACKEND '" + allow("iam:CreatePolicyVersion", "arn:aws:iam::123456789012:policy/cas-*") + "'",
		}},
	}
}

func workloadTrustRows() []row {
	pods := func(code, sed string) row {
		return row{code: code, as: "administrator", mistake: []string{fmt.Sprintf("edit_trust $CAS '%s'", sed)}}
	}
	const provider = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/1"
	irsa := func(code, account, condition string) row {
		return row{code: code, as: "administrator", mistake: []string{
			`aws iam create-open-id-connect-provider --url https://oidc.example.com/id/1 --client-id-list sts.amazonaws.com --thumbprint-list 0000000000000000000000000000000000000000`,
			fmt.Sprintf(`aws iam update-assume-role-policy --role-name $CAS --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"%s"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{%s}}]}'`,
				strings.Replace(provider, "123456789012", account, 1), condition),
		}}
	}
	const sub, aud = `"oidc.example.com/id/1:sub":"system:serviceaccount:managedcas:cas"`, `"oidc.example.com/id/1:aud":"sts.amazonaws.com"`
	return []row{
		pods("workload-trust-tag-session", `s/sts:TagSession/sts:SetSourceIdentity/`),
		pods("workload-trust-source-account", `s/"aws:SourceAccount": *"[0-9]*"/"aws:SourceAccount": "999999999999"/`),
		pods("workload-trust", `s/"Effect": *"Allow"/"Effect": "Deny"/`),
		pods("workload-trust-others", adding(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}`)),
		pods("workload-trust-anyone", adding(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`)),
		irsa("irsa-provider-account", "999922223333", `"StringEquals":{`+sub+`,`+aud+`}`),
		{code: "irsa-provider-url", as: "administrator", mistake: []string{
			`aws iam update-assume-role-policy --role-name $CAS --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/https://oidc.example.com/id/1"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"https://oidc.example.com/id/1:sub":"system:serviceaccount:managedcas:cas","https://oidc.example.com/id/1:aud":"sts.amazonaws.com"}}}]}'`,
		}},
		irsa("irsa-nobody", "123456789012", `"StringEquals":{"oidc.example.com/id/1:sub":"system:serviceaccount:managedcas:*",`+aud+`}`),
		irsa("irsa-subject", "123456789012", `"StringEquals":{`+aud+`}`),
		irsa("irsa-subject-wildcard", "123456789012", `"StringLike":{"oidc.example.com/id/1:sub":"system:serviceaccount:managedcas:*"},"StringEquals":{`+aud+`}`),
		irsa("irsa-audience", "123456789012", `"StringEquals":{`+sub+`}`),
	}
}
