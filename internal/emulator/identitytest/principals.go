package identitytest

import (
	"encoding/xml"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
)

// Allow returns an identity policy that allows an action on a resource.
func Allow(action, resource string) string { return statement("Allow", action, resource) }

// Deny returns an identity policy that denies an action on a resource.
func Deny(action, resource string) string { return statement("Deny", action, resource) }

func statement(effect, action, resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"` + action + `","Resource":"` + resource + `"}]}`
}

// Trust returns a trust policy that lets a principal, such as {"AWS":"…"}, assume the
// role with everything that comes with it.
func Trust(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal +
		`,"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}`
}

// RoleARN returns the ARN of a role in the path "/".
func RoleARN(name string) string { return "arn:aws:iam::" + ID + ":role/" + name }

// PolicyARN returns the ARN of a managed policy in the path "/".
func PolicyARN(name string) string { return "arn:aws:iam::" + ID + ":policy/" + name }

// CreateRole creates a role.
func (a *Account) CreateRole(t testing.TB, name, trust string) {
	t.Helper()
	a.Do(t, "CreateRole", Params{"RoleName": name, "AssumeRolePolicyDocument": trust, "MaxSessionDuration": "43200"})
}

// CreateUser creates a user with an access key and returns it as a caller.
func (a *Account) CreateUser(t testing.TB, name string) *api.Caller {
	t.Helper()
	a.Do(t, "CreateUser", Params{"UserName": name})
	var key struct {
		ID string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
	}
	answer := a.Do(t, "CreateAccessKey", Params{"UserName": name})
	if err := xml.Unmarshal([]byte(answer.Body), &key); err != nil {
		t.Fatal(err)
	}
	return a.Caller(t, key.ID, "")
}

// Session is what AssumeRole answered.
type Session struct {
	ARN            string `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	AssumedRoleID  string `xml:"AssumeRoleResult>AssumedRoleUser>AssumedRoleId"`
	AccessKeyID    string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	Secret         string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	Token          string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	Expiration     string `xml:"AssumeRoleResult>Credentials>Expiration"`
	PackedSize     *int   `xml:"AssumeRoleResult>PackedPolicySize"`
	SourceIdentity string `xml:"AssumeRoleResult>SourceIdentity"`
}

// Assume assumes a role as caller and fails the test when STS refuses. params may
// leave out RoleArn and RoleSessionName.
func (a *Account) Assume(t testing.TB, caller *api.Caller, role, session string, params Params) (*api.Caller, Session) {
	t.Helper()
	answer := a.TryAssume(t, caller, role, session, params)
	if answer.Err != nil {
		t.Fatalf("assume %s as %s: %v", role, session, answer.Err)
	}
	var got Session
	if err := xml.Unmarshal([]byte(answer.Body), &got); err != nil {
		t.Fatal(err)
	}
	return a.Caller(t, got.AccessKeyID, got.Token), got
}

// TryAssume assumes the role of that name as caller.
func (a *Account) TryAssume(t testing.TB, caller *api.Caller, role, session string, params Params) Answer {
	t.Helper()
	all := Params{"RoleArn": RoleARN(role), "RoleSessionName": session}
	for name, value := range params {
		all[name] = value
	}
	return a.Call(t, a.STS, caller, "AssumeRole", all)
}
