package diagnosis

import (
	"slices"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const assume, tag = "AssumeAsOneOrganization", "TagWithOrganization"

func changedBaseRoleRows() []row {
	except := func(role func(tenancy.Installation) string) change {
		drop := func(in tenancy.Installation, st *iam.Statement) {
			st.Principals.AWS = slices.DeleteFunc(slices.Clone(st.Principals.AWS), func(arn string) bool { return arn == role(in) })
		}
		return both(statement(assume, drop), statement(tag, drop))
	}
	return []row{
		{code: "base-role-missing", as: "backend", mistake: []string{"aws iam delete-role-policy --role-name $BASE --policy-name managedcas", "aws iam delete-role --role-name $BASE"}},
		baseRoleTrust("trust-workloads", "backend", without(assume)),
		baseRoleTrust("trust-cas", "backend", except(tenancy.Installation.CASRoleARN)),
		baseRoleTrust("trust-mfa", "backend", condition(assume, "Bool", "aws:MultiFactorAuthPresent", "true")),
		baseRoleTrust("trust-condition", "backend", condition(assume, "StringEquals", "aws:RequestedRegion", "eu-west-1")),
		baseRoleTrust("trust-tag-refused", "backend", condition(tag, "StringLike", "aws:RequestTag/tenant", "*")),
		baseRoleTrust("trust-tag-session-name", "administrator", condition(tag, "StringLike", "sts:RoleSessionName", "cas-*")),
		baseRoleTrust("trust-inherited-tags", "backend", condition(tag, "ForAllValues:StringEquals", "aws:TagKeys", "org")),
		baseRoleTrust("trust-tag-keys", "backend", unconditional(tag, "ForAllValues:StringEquals")),
		baseRoleTrust("trust-anyone", "backend", besides(trusting(anybody(), "sts:AssumeRole"))),
		baseRoleTrust("trust-federated", "backend", besides(trusting(&iam.Principals{Federated: []string{"arn:aws:iam::" + accountID + ":oidc-provider/oidc.example.com/id/1"}}, "sts:AssumeRoleWithWebIdentity"))).
			before("aws iam create-open-id-connect-provider --url https://oidc.example.com/id/1 --client-id-list sts.amazonaws.com --thumbprint-list 0000000000000000000000000000000000000000"),
		baseRoleTrust("trust-service", "backend", besides(trusting(&iam.Principals{Service: []string{"ec2.amazonaws.com"}}, "sts:AssumeRole"))),
		{code: "trust-stale-principal", as: "administrator", files: func(s *site) map[string]string { return s.documents(tenancy.Installation.CASPermissions) }, mistake: []string{
			"aws iam delete-role-policy --role-name $CAS --policy-name managedcas", "aws iam delete-role --role-name $CAS",
			"aws iam create-role --role-name $CAS --assume-role-policy-document file://trust.json",
			"aws iam put-role-policy --role-name $CAS --policy-name managedcas --policy-document file://permissions.json",
		}},

		{code: "base-role-no-permissions", as: "backend", mistake: []string{"aws iam delete-role-policy --role-name $BASE --policy-name managedcas"}},
		baseRolePermissions("base-role-put-object", "backend", lacking("s3:PutObject")),
		baseRolePermissions("base-role-generate-data-key", "backend", lacking("kms:GenerateDataKey")),
		baseRolePermissions("base-role-key", "backend", without("KeyUseThroughS3")),
		baseRolePermissions("base-role-permissions", "administrator", without("OwnArtifacts")),
		baseRolePermissions("base-role-prefix", "backend", replaced("accesspoint/chainloop-", "accesspoint/other-")),
		baseRolePermissions("base-role-deny", "backend", besides(deny(nil, "s3:PutObject", "*"))),
		baseRolePermissions("base-role-more-actions", "backend", besides(allow(nil, "s3:DeleteObject", "arn:aws:s3:us-east-1:"+accountID+":accesspoint/chainloop-${aws:PrincipalTag/org}/object/${aws:PrincipalTag/org}/*"))),
	}
}

func changedWorkloadRows() []row {
	return []row{
		{code: "workload-missing", as: "administrator", mistake: []string{"aws iam delete-role-policy --role-name $CAS --policy-name managedcas", "aws iam delete-role --role-name $CAS"}},
		casPermissions("workload-deny", "administrator", besides(deny(nil, "sts:*", "*"))),
		casPermissions("workload-manages", "administrator", both(without("NeverManage"), besides(allow(nil, "s3:PutAccessPointPolicy", "*")))),
		backendPermissions("backend-access-point-prefix", "administrator", replaced("accesspoint/chainloop-", "accesspoint/other-")),
		backendPermissions("backend-access-point-reads", "administrator", without("AccessPointReads")),
		backendPermissions("backend-session-policies", "backend", lacking("iam:CreatePolicy")),
		backendPermissions("session-policy-prefix", "administrator", replaced("policy/cas-", "policy/other-")),
	}
}

// documents are the files that making a role anew takes.
func (s *site) documents(permissions func(tenancy.Installation) *iam.Document) map[string]string {
	return map[string]string{"trust.json": marshalled(s.in.WorkloadTrustPodIdentity()), "permissions.json": marshalled(permissions(s.in))}
}
