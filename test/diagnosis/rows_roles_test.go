package diagnosis

import (
	"slices"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const assume, tag = "AssumeAsOneOrganization", "TagWithOrganization"

func trustRows() []row {
	except := func(role func(tenancy.Installation) string) change {
		drop := func(in tenancy.Installation, st *iam.Statement) {
			st.Principals.AWS = slices.DeleteFunc(slices.Clone(st.Principals.AWS), func(arn string) bool { return arn == role(in) })
		}
		return both(statement(assume, drop), statement(tag, drop))
	}
	root := "arn:aws:iam::" + accountID + ":root"
	const deployRole = `aws iam create-role --role-name deploy --assume-role-policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'`
	return []row{
		{code: "base-role-max-session", as: "backend", mistake: []string{"aws iam update-role --role-name $BASE --max-session-duration 43200"}},
		{code: "base-role-missing", as: "backend", mistake: []string{"aws iam delete-role-policy --role-name $BASE --policy-name managedcas", "aws iam delete-role --role-name $BASE"}},
		baseRoleTrust("trust-workloads", "backend", without(assume)),
		baseRoleTrust("trust-backend", "administrator", except(tenancy.Installation.BackendRoleARN)),
		baseRoleTrust("trust-cas", "backend", except(tenancy.Installation.CASRoleARN)),
		baseRoleTrust("trust-controlplane", "administrator", except(tenancy.Installation.ControlplaneRoleARN)),
		baseRoleTrust("trust-external-id", "administrator", condition(assume, "StringEquals", "sts:ExternalId", "x")),
		baseRoleTrust("trust-mfa", "backend", condition(assume, "Bool", "aws:MultiFactorAuthPresent", "true")),
		baseRoleTrust("trust-network", "administrator", condition(assume, "IpAddress", "aws:SourceIp", "127.0.0.0/8")),
		baseRoleTrust("trust-condition", "backend", condition(assume, "StringEquals", "aws:RequestedRegion", "eu-west-1")),
		baseRoleTrust("trust-session-name-refused", "administrator", condition(assume, "StringLike", "sts:RoleSessionName", "chainloop-*")),
		baseRoleTrust("trust-tag-refused", "backend", condition(tag, "StringLike", "aws:RequestTag/tenant", "*")),
		baseRoleTrust("trust-tag-session-name", "administrator", condition(tag, "StringLike", "sts:RoleSessionName", "cas-*")),
		baseRoleTrust("trust-inherited-tags", "backend", condition(tag, "ForAllValues:StringEquals", "aws:TagKeys", "org")),
		baseRoleTrust("trust-deny", "administrator", besides(iam.Statement{Effect: iam.Deny, Principals: anybody(), Actions: []string{"sts:TagSession"}})),
		baseRoleTrust("trust-session-name", "administrator", both(unconditional(assume, "StringEquals"), unconditional(assume, "StringLike"))),
		baseRoleTrust("trust-tag-keys", "backend", unconditional(tag, "ForAllValues:StringEquals")),
		baseRoleTrust("trust-account", "administrator", besides(trusting(named(root), "sts:AssumeRole"))),
		baseRoleTrust("trust-anyone", "backend", besides(trusting(anybody(), "sts:AssumeRole"))),
		baseRoleTrust("trust-other-principal", "administrator", besides(trusting(named("arn:aws:iam::"+accountID+":role/deploy"), "sts:AssumeRole"))).before(deployRole),
		baseRoleTrust("trust-service", "backend", besides(trusting(&iam.Principals{Service: []string{"ec2.amazonaws.com"}}, "sts:AssumeRole"))),
		{code: "trust-stale-principal", as: "administrator", files: func(s *site) map[string]string { return s.documents(tenancy.Installation.CASPermissions) }, mistake: []string{
			"aws iam delete-role-policy --role-name $CAS --policy-name managedcas", "aws iam delete-role --role-name $CAS",
			"aws iam create-role --role-name $CAS --assume-role-policy-document file://trust.json",
			"aws iam put-role-policy --role-name $CAS --policy-name managedcas --policy-document file://permissions.json",
		}},

		{code: "base-role-no-permissions", as: "backend", mistake: []string{"aws iam delete-role-policy --role-name $BASE --policy-name managedcas"}},
		baseRolePermissions("base-role-get-object", "administrator", lacking("s3:GetObject")),
		baseRolePermissions("base-role-put-object", "backend", lacking("s3:PutObject")),
		baseRolePermissions("base-role-list-bucket", "administrator", lacking("s3:ListBucket")),
		baseRolePermissions("base-role-generate-data-key", "backend", lacking("kms:GenerateDataKey")),
		baseRolePermissions("base-role-decrypt", "administrator", lacking("kms:Decrypt")),
		baseRolePermissions("base-role-key", "backend", without("KeyUseThroughS3")),
		baseRolePermissions("base-role-permissions", "administrator", without("OwnArtifacts")),
		baseRolePermissions("base-role-prefix", "backend", replaced("accesspoint/chainloop-", "accesspoint/other-")),
		baseRolePermissions("base-role-deny", "backend", besides(deny(nil, "s3:PutObject", "*"))),
		baseRolePermissions("base-role-too-wide", "administrator", besides(allow(nil, "s3:*", "*"))),
		baseRolePermissions("base-role-other-organization", "administrator", besides(allow(nil, "s3:GetObject", "arn:aws:s3:us-east-1:"+accountID+":accesspoint/*"))),
		baseRolePermissions("base-role-more-actions", "backend", besides(allow(nil, "s3:DeleteObject", "arn:aws:s3:us-east-1:"+accountID+":accesspoint/chainloop-${aws:PrincipalTag/org}/object/${aws:PrincipalTag/org}/*"))),
		{code: "base-role-attached-policy", as: "administrator", mistake: []string{"aws iam attach-role-policy --role-name $BASE --policy-arn arn:aws:iam::aws:policy/AdministratorAccess"}},
		{code: "base-role-extra-policy", as: "backend", mistake: []string{`aws iam put-role-policy --role-name $BASE --policy-name more --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'`}},
	}
}

func workloadRows() []row {
	return []row{
		{code: "workload-missing", as: "administrator", mistake: []string{"aws iam delete-role-policy --role-name $CAS --policy-name managedcas", "aws iam delete-role --role-name $CAS"}},
		{code: "workload-no-permissions", as: "administrator", mistake: []string{"aws iam delete-role-policy --role-name $BACKEND --policy-name managedcas"}},
		casPermissions("workload-assume-role", "administrator", without("BecomeOneOrganization")),
		casPermissions("workload-deny", "administrator", besides(deny(nil, "sts:*", "*"))),
		casPermissions("workload-escalation", "administrator", func(tenancy.Installation, *iam.Document) *iam.Document {
			return &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{allow(nil, "*", "*")}}
		}),
		casPermissions("workload-direct-data", "administrator", both(without("NoDirectData"), besides(allow(nil, "s3:GetObject", anybodysBucket+"/*")))),
		casPermissions("workload-manages", "administrator", both(without("NeverManage"), besides(allow(nil, "s3:PutAccessPointPolicy", "*")))),
		casPermissions("workload-assumes-others", "administrator", besides(allow(nil, "sts:AssumeRole", "*"))),
		backendPermissions("backend-access-points", "backend", lacking("s3:CreateAccessPoint")),
		backendPermissions("backend-access-point-prefix", "administrator", replaced("accesspoint/chainloop-", "accesspoint/other-")),
		backendPermissions("backend-access-point-reads", "administrator", without("AccessPointReads")),
		backendPermissions("backend-session-policies", "backend", lacking("iam:CreatePolicy")),
		backendPermissions("session-policy-prefix", "administrator", replaced("policy/cas-", "policy/other-")),
		backendPermissions("session-policy-mode", "administrator", func(in tenancy.Installation, _ *iam.Document) *iam.Document {
			in.SessionPolicyMode = tenancy.Inline
			return in.BackendPermissions()
		}),
		backendPermissions("backend-base-role", "administrator", lacking("iam:GetRole")),
		backendPermissions("backend-quota-reads", "administrator", lacking("iam:GetAccountSummary")),
		backendPermissions("backend-configuration-reads", "administrator", without("ReadBucketConfiguration")),
		backendPermissions("backend-beyond-prefix", "backend", besides(allow(nil, "s3:PutAccessPointPolicy", "*"))),
		workloadTrust("workload-trust-tag-session", "administrator", "$CAS", lacking("sts:TagSession")),
		workloadTrust("workload-trust-source-account", "administrator", "$CAS", replaced(accountID, "999922223333")),
		workloadTrust("workload-trust", "administrator", "$CONTROLPLANE", statement("PodIdentity", func(_ tenancy.Installation, st *iam.Statement) { st.Effect = iam.Deny })),
		workloadTrust("workload-trust-anyone", "administrator", "$CAS", besides(trusting(anybody(), "sts:AssumeRole"))),
		workloadTrust("workload-trust-others", "administrator", "$BACKEND", besides(trusting(named(boss), "sts:AssumeRole"))).before(createBoss),
		{code: "role-boundary", as: "administrator", mistake: []string{
			"aws iam put-role-permissions-boundary --role-name $BACKEND --permissions-boundary arn:aws:iam::aws:policy/ReadOnlyAccess"}},
	}
}

// documents are the files that making a role anew takes.
func (s *site) documents(permissions func(tenancy.Installation) *iam.Document) map[string]string {
	return map[string]string{"trust.json": marshalled(s.in.WorkloadTrustPodIdentity()), "permissions.json": marshalled(permissions(s.in))}
}
