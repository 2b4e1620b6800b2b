package stsapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/identitytest"
)

// trust returns a trust policy of one statement.
func trust(principal, actions, condition string) string {
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":` + actions
	if condition != "" {
		text += `,"Condition":` + condition
	}
	return text + `}]}`
}

const (
	onlyAssume = `"sts:AssumeRole"`
	withTags   = `["sts:AssumeRole","sts:TagSession"]`
	anyone     = `{"AWS":"*"}`
	theRoot    = `{"AWS":"arn:aws:iam::111122223333:root"}`
)

// Source: facts AWS §4.3 and §4.5.
func TestTrustPolicy(t *testing.T) {
	t.Parallel()
	org := params{"Tags.member.1.Key": "org", "Tags.member.1.Value": "orgA"}
	mayAssume := identitytest.Allow("sts:AssumeRole", "*")
	mayNot := identitytest.Deny("sts:AssumeRole", "*")
	rows := []struct {
		name     string
		identity string // policy of the calling user
		trust    string
		params   params
		denied   string // action; empty: allowed
	}{
		{"named user needs no identity policy", "", trust(`{"AWS":"arn:aws:iam::111122223333:user/workload"}`, onlyAssume, ""), nil, ""},
		{"everyone is a direct grant", "", trust(anyone, onlyAssume, ""), nil, ""},
		{"account needs an identity policy", "", trust(theRoot, onlyAssume, ""), nil, "sts:AssumeRole"},
		{"account with an identity policy", mayAssume, trust(theRoot, onlyAssume, ""), nil, ""},
		{"account id is the same", mayAssume, trust(`{"AWS":"111122223333"}`, onlyAssume, ""), nil, ""},
		{"identity policy alone is not enough", mayAssume, trust(`{"Service":"pods.eks.amazonaws.com"}`, onlyAssume, ""), nil, "sts:AssumeRole"},
		{"identity deny wins", mayNot, trust(anyone, onlyAssume, ""), nil, "sts:AssumeRole"},
		{"tags need TagSession", "", trust(anyone, onlyAssume, ""), org, "sts:TagSession"},
		{"tags with TagSession", "", trust(anyone, withTags, ""), org, ""},
		{"source identity needs SetSourceIdentity", "", trust(anyone, onlyAssume, ""), params{"SourceIdentity": "alice"}, "sts:SetSourceIdentity"},
		{
			"session name bound to the tag", "",
			`{"Version":"2012-10-17","Statement":[
				{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:RoleSessionName":"${aws:RequestTag/org}"}}},
				{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:TagSession"}]}`,
			org, "",
		},
		{
			"session name other than the tag", "",
			trust(anyone, withTags, `{"StringEquals":{"sts:RoleSessionName":"${aws:RequestTag/org}"}}`),
			params{"Tags.member.1.Key": "org", "Tags.member.1.Value": "orgB"}, "sts:AssumeRole",
		},
		{
			"session name is no key of TagSession", "",
			trust(anyone, withTags, `{"StringEquals":{"sts:RoleSessionName":"orgA"}}`), org, "sts:TagSession",
		},
		{"external id", "", trust(anyone, onlyAssume, `{"StringEquals":{"sts:ExternalId":"secret"}}`), params{"ExternalId": "secret"}, ""},
		{"wrong external id", "", trust(anyone, onlyAssume, `{"StringEquals":{"sts:ExternalId":"secret"}}`), params{"ExternalId": "guess"}, "sts:AssumeRole"},
		{"no external id", "", trust(anyone, onlyAssume, `{"StringEquals":{"sts:ExternalId":"secret"}}`), nil, "sts:AssumeRole"},
		{"tag keys listed", "", trust(anyone, withTags, `{"ForAllValues:StringEquals":{"aws:TagKeys":["org"]}}`), org, ""},
		{"tag key not listed", "", trust(anyone, withTags, `{"ForAllValues:StringEquals":{"aws:TagKeys":["other"]}}`), org, "sts:AssumeRole"},
		{"transitive keys", "", trust(anyone, withTags, `{"Null":{"sts:TransitiveTagKeys":"true"}}`),
			params{"Tags.member.1.Key": "org", "Tags.member.1.Value": "a", "TransitiveTagKeys.member.1": "org"}, "sts:AssumeRole"},
		{"tag keys that only a condition takes for one", "", trust(anyone, withTags, `{"StringEquals":{"aws:RequestTag/id":"mine"}}`),
			params{"Tags.member.1.Key": "id", "Tags.member.1.Value": "mine", "Tags.member.2.Key": "\u0130d", "Tags.member.2.Value": "theirs"}, "sts:AssumeRole"},
		{"tag of the role", "", trust(anyone, onlyAssume, `{"StringEquals":{"aws:ResourceTag/kind":"tenant"}}`), nil, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := identitytest.New(t, identitytest.Config{})
			user := a.CreateUser(t, "workload")
			if row.identity != "" {
				a.Do(t, "PutUserPolicy", params{"UserName": "workload", "PolicyName": "p", "PolicyDocument": row.identity})
			}
			a.CreateRole(t, "T", row.trust)
			a.Do(t, "TagRole", params{"RoleName": "T", "Tags.member.1.Key": "kind", "Tags.member.1.Value": "tenant"})
			answer := a.TryAssume(t, user, "T", "orgA", row.params)
			if row.denied == "" {
				if answer.Err != nil {
					t.Fatal(answer.Err)
				}
				return
			}
			want := "User: arn:aws:iam::111122223333:user/workload is not authorized to perform: " + row.denied +
				" on resource: arn:aws:iam::111122223333:role/T"
			if answer.Code() != "AccessDenied" || answer.Err.Message != want {
				t.Errorf("got %v, want %q", answer.Err, want)
			}
		})
	}
}

// Source: facts AWS §4.3 (eks-pod-identity-agent#80): inherited tags too.
func TestInheritedTagsNeedTagSession(t *testing.T) {
	t.Parallel()
	a, user := account(t)
	a.CreateRole(t, "plain", trust(anyone, onlyAssume, ""))
	tagged, _ := a.Assume(t, user, "T", "pod", params{
		"Tags.member.1.Key": "cluster", "Tags.member.1.Value": "prod", "TransitiveTagKeys.member.1": "cluster",
	})
	answer := a.TryAssume(t, tagged, "plain", "orgA", nil)
	if answer.Code() != "AccessDenied" || !strings.Contains(answer.Err.Message, "sts:TagSession") {
		t.Errorf("got %v, want AccessDenied about sts:TagSession", answer.Err)
	}
}

// Source: facts AWS §13 P12; the stricter of the two readings.
func TestInheritedTagsCountAsTagKeys(t *testing.T) {
	t.Parallel()
	a, user := account(t)
	tagged, _ := a.Assume(t, user, "T", "pod", params{
		"Tags.member.1.Key": "cluster", "Tags.member.1.Value": "prod", "TransitiveTagKeys.member.1": "cluster",
	})
	org := params{"Tags.member.1.Key": "org", "Tags.member.1.Value": "orgA"}
	for keys, allowed := range map[string]bool{`["org"]`: false, `["org","cluster"]`: true} {
		name := "only" + strings.Trim(strings.ReplaceAll(keys, `","`, "-"), `[]"`)
		a.CreateRole(t, name, `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"},
			{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:TagSession","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":`+keys+`}}}]}`)
		if answer := a.TryAssume(t, tagged, name, "orgA", org); (answer.Err == nil) != allowed {
			t.Errorf("%s: got %v, want allowed: %v", keys, answer.Err, allowed)
		}
	}
}

func TestCallersSessionPolicyLimitsAssumeRole(t *testing.T) {
	t.Parallel()
	a, user := account(t)
	a.Do(t, "PutRolePolicy", params{"RoleName": "T", "PolicyName": "p", "PolicyDocument": identitytest.Allow("sts:AssumeRole", "*")})
	a.CreateRole(t, "next", trust(theRoot, onlyAssume, ""))
	limited, _ := a.Assume(t, user, "T", "limited", params{"Policy": identitytest.Allow("s3:GetObject", "*")})
	if answer := a.TryAssume(t, limited, "next", "s2", nil); answer.Code() != "AccessDenied" {
		t.Errorf("got %v, want AccessDenied", answer.Err)
	}
	free, _ := a.Assume(t, user, "T", "free", nil)
	if answer := a.TryAssume(t, free, "next", "s2", nil); answer.Err != nil {
		t.Error(answer.Err)
	}
}

// Source: facts AWS §8.
func TestAssumeRoleAsService(t *testing.T) {
	t.Parallel()
	a := identitytest.New(t, identitytest.Config{})
	const pods = "pods.eks.amazonaws.com"
	a.CreateRole(t, "workload", trust(`{"Service":"`+pods+`"}`, withTags, `{"StringEquals":{"aws:SourceAccount":"111122223333"}}`))
	a.CreateRole(t, "untagged", trust(`{"Service":"`+pods+`"}`, onlyAssume, ""))
	a.CreateRole(t, "human", identitytest.Trust(`{"AWS":"`+a.CreateUser(t, "human").ARN+`"}`))
	tags := map[string]string{"eks-cluster-name": "prod", "kubernetes-namespace": "cas"}
	transitive := []string{"eks-cluster-name", "kubernetes-namespace"}
	assume := func(role string, tags map[string]string, transitive []string, d time.Duration) (*api.Caller, error) {
		creds, err := a.STS.AssumeRoleAsService(t.Context(), pods, identitytest.RoleARN(role), "eks-prod-pod", tags, transitive, d)
		if err != nil {
			return nil, err
		}
		return a.Caller(t, creds.AccessKeyID, creds.SessionToken), nil
	}
	caller, err := assume("workload", tags, transitive, 12*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tags, caller.SessionTags); diff != "" {
		t.Error(diff)
	}
	slices.Sort(caller.TransitiveKeys)
	if diff := cmp.Diff(transitive, caller.TransitiveKeys); diff != "" {
		t.Error(diff)
	}
	if _, err := assume("untagged", nil, nil, time.Hour); err != nil {
		t.Error(err)
	}
	for name, try := range map[string]func() (*api.Caller, error){
		"tags without TagSession":   func() (*api.Caller, error) { return assume("untagged", tags, transitive, time.Hour) },
		"not trusted":               func() (*api.Caller, error) { return assume("human", nil, nil, time.Hour) },
		"no such role":              func() (*api.Caller, error) { return assume("missing", nil, nil, time.Hour) },
		"duration beyond the range": func() (*api.Caller, error) { return assume("workload", tags, transitive, 13*time.Hour) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: allowed", name)
		}
	}
}
