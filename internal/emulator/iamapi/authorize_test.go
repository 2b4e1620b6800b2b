package iamapi_test

import (
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/identitytest"
)

// Each operation needs its own permission on the right resource, before it says
// whether the thing exists. Source: the Service Authorization Reference for IAM.
func TestOperationsAreAuthorized(t *testing.T) {
	t.Parallel()
	policy := identitytest.PolicyARN("cas/p")
	role, user := identitytest.RoleARN("r"), "arn:aws:iam::111122223333:user/u"
	onRole, onUser, onPolicy := params{"RoleName": "r"}, params{"UserName": "u"}, params{"PolicyArn": policy}
	tag := []string{"Tags.member.1.Key", "team", "Tags.member.1.Value", "blue"}
	rows := []struct {
		action   string
		params   params
		resource string
	}{
		{"CreateRole", with(roleNamed("new"), "Path", "/x/"), identitytest.RoleARN("x/new")},
		{"GetRole", onRole, role},
		{"ListRoles", nil, "*"},
		{"UpdateRole", onRole, role},
		{"UpdateRoleDescription", with(onRole, "Description", "d"), role},
		{"UpdateAssumeRolePolicy", with(onRole, "PolicyDocument", trustPods), role},
		{"PutRolePolicy", with(onRole, "PolicyName", "p", "PolicyDocument", anyAction), role},
		{"GetRolePolicy", with(onRole, "PolicyName", "p"), role},
		{"DeleteRolePolicy", with(onRole, "PolicyName", "p"), role},
		{"ListRolePolicies", onRole, role},
		{"AttachRolePolicy", with(onRole, "PolicyArn", policy), role},
		{"DetachRolePolicy", with(onRole, "PolicyArn", policy), role},
		{"ListAttachedRolePolicies", onRole, role},
		{"PutRolePermissionsBoundary", with(onRole, "PermissionsBoundary", policy), role},
		{"DeleteRolePermissionsBoundary", onRole, role},
		{"TagRole", with(onRole, tag...), role},
		{"UntagRole", with(onRole, "TagKeys.member.1", "team"), role},
		{"ListRoleTags", onRole, role},
		{"ListInstanceProfilesForRole", onRole, role},
		{"DeleteRole", onRole, role},
		{"CreatePolicy", params{"PolicyName": "new", "Path": "/cas/", "PolicyDocument": anyAction}, identitytest.PolicyARN("cas/new")},
		{"GetPolicy", onPolicy, policy},
		{"ListPolicies", nil, "*"},
		{"CreatePolicyVersion", with(onPolicy, "PolicyDocument", anyAction), policy},
		{"GetPolicyVersion", with(onPolicy, "VersionId", "v1"), policy},
		{"ListPolicyVersions", onPolicy, policy},
		{"SetDefaultPolicyVersion", with(onPolicy, "VersionId", "v2"), policy},
		{"DeletePolicyVersion", with(onPolicy, "VersionId", "v1"), policy},
		{"ListEntitiesForPolicy", onPolicy, policy},
		{"TagPolicy", with(onPolicy, tag...), policy},
		{"UntagPolicy", with(onPolicy, "TagKeys.member.1", "team"), policy},
		{"ListPolicyTags", onPolicy, policy},
		{"DeletePolicy", onPolicy, policy},
		{"CreateUser", params{"UserName": "new"}, "arn:aws:iam::111122223333:user/new"},
		{"GetUser", onUser, user},
		{"ListUsers", nil, "*"},
		{"CreateAccessKey", onUser, user},
		{"ListAccessKeys", onUser, user},
		{"UpdateAccessKey", with(onUser, "AccessKeyId", "AKIAAAAAAAAAAAAAAAAA", "Status", "Inactive"), user},
		{"DeleteAccessKey", with(onUser, "AccessKeyId", "AKIAAAAAAAAAAAAAAAAA"), user},
		{"PutUserPolicy", with(onUser, "PolicyName", "p", "PolicyDocument", anyAction), user},
		{"GetUserPolicy", with(onUser, "PolicyName", "p"), user},
		{"DeleteUserPolicy", with(onUser, "PolicyName", "p"), user},
		{"ListUserPolicies", onUser, user},
		{"AttachUserPolicy", with(onUser, "PolicyArn", policy), user},
		{"DetachUserPolicy", with(onUser, "PolicyArn", policy), user},
		{"ListAttachedUserPolicies", onUser, user},
		{"PutUserPermissionsBoundary", with(onUser, "PermissionsBoundary", policy), user},
		{"DeleteUserPermissionsBoundary", onUser, user},
		{"TagUser", with(onUser, tag...), user},
		{"UntagUser", with(onUser, "TagKeys.member.1", "team"), user},
		{"ListUserTags", onUser, user},
		{"ListGroupsForUser", onUser, user},
		{"DeleteUser", onUser, user},
		{"CreateOpenIDConnectProvider", params{"Url": eksIssuer}, eksProvider},
		{"GetOpenIDConnectProvider", ofProvider(nil), eksProvider},
		{"ListOpenIDConnectProviders", nil, "*"},
		{"DeleteOpenIDConnectProvider", ofProvider(nil), eksProvider},
		{"AddClientIDToOpenIDConnectProvider", ofProvider(params{"ClientID": "x"}), eksProvider},
		{"RemoveClientIDFromOpenIDConnectProvider", ofProvider(params{"ClientID": "x"}), eksProvider},
		{"UpdateOpenIDConnectProviderThumbprint", ofProvider(params{"ThumbprintList.member.1": strings.Repeat("0", 40)}), eksProvider},
		{"TagOpenIDConnectProvider", ofProvider(with(nil, tag...)), eksProvider},
		{"UntagOpenIDConnectProvider", ofProvider(params{"TagKeys.member.1": "team"}), eksProvider},
		{"ListOpenIDConnectProviderTags", ofProvider(nil), eksProvider},
		{"GetAccountSummary", nil, "*"},
		{"SimulatePrincipalPolicy", params{"PolicySourceArn": identitytest.RoleARN("r"), "ActionNames.member.1": "s3:GetObject"}, identitytest.RoleARN("r")},
		{"SimulateCustomPolicy", params{"PolicyInputList.member.1": anyAction, "ActionNames.member.1": "s3:GetObject"}, "*"},
	}
	a := newAccount(t)
	nobody := a.CreateUser(t, "nobody")
	for _, row := range rows {
		t.Run(row.action, func(t *testing.T) {
			t.Parallel()
			answer := a.Call(t, a.IAM, nobody, row.action, row.params)
			want := "is not authorized to perform: iam:" + row.action + " on resource: " + row.resource + " because"
			if answer.Code() != "AccessDenied" || !strings.Contains(answer.Err.Message, want) {
				t.Errorf("got %v, want a message with %q", answer.Err, want)
			}
			if n := len(answer.Request.Decisions); n != 1 {
				t.Errorf("%d decisions were written to the request, want 1", n)
			}
		})
	}
}

// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags_roles.html and
// reference_policies_iam-condition-keys.html, access_policies_boundaries.html.
func TestConditionKeysOfOperations(t *testing.T) {
	t.Parallel()
	allow := func(action, condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + action + `,"Resource":"*","Condition":` + condition + `}]}`
	}
	tag := []string{"Tags.member.1.Key", "team", "Tags.member.1.Value", "blue"}
	// Keys of a policy's tags have a case, condition keys have none.
	twice := []string{"Tags.member.1.Key", "Team", "Tags.member.1.Value", "red", "Tags.member.2.Key", "team", "Tags.member.2.Value", "blue"}
	readOnly, policy := "arn:aws:iam::aws:policy/ReadOnlyAccess", identitytest.PolicyARN("p")
	inline := func(role string) params {
		return params{"RoleName": role, "PolicyName": "p", "PolicyDocument": anyAction}
	}
	unlessBounded := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"},
		{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"` + readOnly + `"}}}]}`
	rows := []struct {
		name, policy, action string
		params               params
		allowed              bool
	}{
		{"attach the policy that is named", allow(`"iam:AttachRolePolicy"`, `{"ArnEquals":{"iam:PolicyARN":"`+readOnly+`"}}`), "AttachRolePolicy", params{"RoleName": "r", "PolicyArn": readOnly}, true},
		{"attach another", allow(`"iam:AttachRolePolicy"`, `{"ArnEquals":{"iam:PolicyARN":"`+readOnly+`"}}`), "AttachRolePolicy", params{"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, false},
		{"tag that is asked for", allow(`"iam:TagRole"`, `{"StringEquals":{"aws:RequestTag/team":"blue"}}`), "TagRole", with(params{"RoleName": "r"}, tag...), true},
		{"tag keys that are not", allow(`"iam:TagRole"`, `{"ForAllValues:StringEquals":{"aws:TagKeys":["other"]}}`), "TagRole", with(params{"RoleName": "r"}, tag...), false},
		{"tag of the resource", allow(`"iam:GetRole"`, `{"StringEquals":{"aws:ResourceTag/kind":"tenant"}}`), "GetRole", params{"RoleName": "r"}, true},
		{"other tag of the resource", allow(`"iam:GetRole"`, `{"StringEquals":{"iam:ResourceTag/kind":"base"}}`), "GetRole", params{"RoleName": "r"}, false},
		{"creating with tags needs both", identitytest.Allow("iam:CreateUser", "*"), "CreateUser", with(params{"UserName": "new"}, tag...), false},
		{"creating with tags has both", identitytest.Allow("iam:*User", "*"), "CreateUser", with(params{"UserName": "new"}, tag...), true},
		{"boundary required", allow(`"iam:CreateRole"`, `{"StringEquals":{"iam:PermissionsBoundary":"`+readOnly+`"}}`), "CreateRole", roleNamed("new"), false},
		{"tag whose key comes twice, in two cases", allow(`"iam:TagPolicy"`, `{"StringEquals":{"aws:RequestTag/team":"blue"}}`), "TagPolicy", with(params{"PolicyArn": policy}, twice...), false},
		{"resource whose tag comes twice, in two cases", allow(`"iam:GetPolicy"`, `{"StringEquals":{"aws:ResourceTag/kind":"own"}}`), "GetPolicy", params{"PolicyArn": policy}, false},
		{"boundary given", allow(`"iam:CreateRole"`, `{"StringEquals":{"iam:PermissionsBoundary":"`+readOnly+`"}}`), "CreateRole", with(roleNamed("new"), "PermissionsBoundary", readOnly), true},
		{"boundary of who is changed", allow(`"iam:PutRolePolicy"`, `{"StringEquals":{"iam:PermissionsBoundary":"`+readOnly+`"}}`), "PutRolePolicy", inline("bounded"), true},
		{"no boundary of who is changed", allow(`"iam:PutRolePolicy"`, `{"StringEquals":{"iam:PermissionsBoundary":"`+readOnly+`"}}`), "PutRolePolicy", inline("r"), false},
		{"boundary that must stay", unlessBounded, "DeleteRolePermissionsBoundary", params{"RoleName": "bounded"}, false},
		{"boundary that replaces one", allow(`"iam:PutRolePermissionsBoundary"`, `{"StringEquals":{"iam:PermissionsBoundary":"`+readOnly+`"}}`), "PutRolePermissionsBoundary", params{"RoleName": "bounded", "PermissionsBoundary": policy}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t)
			a.Do(t, "CreateRole", with(roleNamed("bounded"), "PermissionsBoundary", readOnly))
			a.CreateRole(t, "r", trustPods)
			a.Do(t, "TagRole", params{"RoleName": "r", "Tags.member.1.Key": "kind", "Tags.member.1.Value": "tenant"})
			a.Do(t, "CreatePolicy", params{
				"PolicyName": "p", "PolicyDocument": anyAction,
				"Tags.member.1.Key": "Kind", "Tags.member.1.Value": "foreign", "Tags.member.2.Key": "kind", "Tags.member.2.Value": "own",
			})
			caller := a.CreateUser(t, "caller")
			a.Do(t, "PutUserPolicy", params{"UserName": "caller", "PolicyName": "p", "PolicyDocument": row.policy})
			answer := a.Call(t, a.IAM, caller, row.action, row.params)
			if (answer.Err == nil) != row.allowed {
				t.Errorf("got %v, want allowed: %v", answer.Err, row.allowed)
			}
		})
	}
}

func TestRecreatedUserDoesNotInheritKeys(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	user := a.CreateUser(t, "alice")
	a.Do(t, "UpdateAccessKey", params{"UserName": "alice", "AccessKeyId": user.AccessKeyID, "Status": "Inactive"})
	if _, _, err := a.Directory.Lookup(t.Context(), user.AccessKeyID, ""); err == nil {
		t.Error("an inactive key works")
	}
	a.Do(t, "UpdateAccessKey", params{"UserName": "alice", "AccessKeyId": user.AccessKeyID, "Status": "Active"})
	a.Caller(t, user.AccessKeyID, "")
	a.Do(t, "DeleteAccessKey", params{"UserName": "alice", "AccessKeyId": user.AccessKeyID})
	a.Do(t, "DeleteUser", params{"UserName": "alice"})
	if again := a.CreateUser(t, "alice"); again.UserID == user.UserID || again.AccessKeyID == user.AccessKeyID {
		t.Error("a recreated user is the old one")
	}
	if _, _, err := a.Directory.Lookup(t.Context(), user.AccessKeyID, ""); err == nil {
		t.Error("a deleted key works")
	}
}
