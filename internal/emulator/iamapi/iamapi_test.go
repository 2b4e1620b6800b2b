package iamapi_test

import (
	"encoding/xml"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/iamapi"
	"github.com/managedcas/managedcas/internal/emulator/identitytest"
)

type params = identitytest.Params

func newAccount(t *testing.T) *identitytest.Account {
	t.Helper()
	return identitytest.New(t, identitytest.Config{})
}

// decode reads an answer's XML.
func decode[T any](t *testing.T, answer identitytest.Answer) T {
	t.Helper()
	var v T
	if err := xml.Unmarshal([]byte(answer.Body), &v); err != nil {
		t.Fatalf("%v in %s", err, answer.Body)
	}
	return v
}

// step is one call as root and what must come of it.
type step struct {
	action string
	params params
	code   string // "": success
	text   string // in the error's message
}

func run(t *testing.T, a *identitytest.Account, steps []step) {
	t.Helper()
	for i, s := range steps {
		answer := a.Call(t, a.IAM, a.Root(t), s.action, s.params)
		if answer.Code() != s.code {
			t.Fatalf("step %d, %s %v: got %v, want code %q", i, s.action, s.params, answer.Err, s.code)
		}
		if answer.Err == nil {
			continue
		}
		status := map[string]int{
			"NoSuchEntity": 404, "EntityAlreadyExists": 409, "LimitExceeded": 409, "DeleteConflict": 409,
			"MalformedPolicyDocument": 400, "ValidationError": 400, "InvalidInput": 400,
		}[s.code]
		if answer.Err.Status != status || !strings.Contains(answer.Err.Message, s.text) {
			t.Errorf("step %d, %s: got %v, want status %d and %q in the message", i, s.action, answer.Err, status, s.text)
		}
	}
}

const anyAction = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`

var trustPods = identitytest.Trust(`{"Service":"pods.eks.amazonaws.com"}`)

func roleNamed(name string) params {
	return params{"RoleName": name, "AssumeRolePolicyDocument": trustPods}
}

func with(p params, more ...string) params {
	joined := params{}
	for k, v := range p {
		joined[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		joined[more[i]] = more[i+1]
	}
	return joined
}

// Source: facts AWS §5; for roles
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html and its
// neighbours.
func TestRoleRules(t *testing.T) {
	t.Parallel()
	role := params{"RoleName": "Tenant"}
	run(t, newAccount(t), []step{
		{"GetRole", role, "NoSuchEntity", "The role with name Tenant cannot be found."},
		{"DeleteRole", role, "NoSuchEntity", "cannot be found"},
		{"CreateRole", params{"RoleName": "Tenant"}, "ValidationError", "assumeRolePolicyDocument"},
		{"CreateRole", roleNamed("bad name"), "ValidationError", "roleName"},
		{"CreateRole", roleNamed(strings.Repeat("x", 65)), "ValidationError", "less than or equal to 64"},
		{"CreateRole", with(roleNamed("Tenant"), "Path", "no-slash"), "ValidationError", "path"},
		{"CreateRole", with(roleNamed("Tenant"), "MaxSessionDuration", "3599"), "ValidationError", "maxSessionDuration"},
		{"CreateRole", with(roleNamed("Tenant"), "MaxSessionDuration", "43201"), "ValidationError", "maxSessionDuration"},
		{"CreateRole", with(roleNamed("Tenant"), "AssumeRolePolicyDocument", "{"), "MalformedPolicyDocument", ""},
		{"CreateRole", with(roleNamed("Tenant"), "AssumeRolePolicyDocument", anyAction), "MalformedPolicyDocument", ""},
		{
			"CreateRole", with(roleNamed("Tenant"), "AssumeRolePolicyDocument", identitytest.Trust(`{"AWS":"`+identitytest.RoleARN("missing")+`"}`)),
			"MalformedPolicyDocument", "Invalid principal in policy",
		},
		{"CreateRole", with(roleNamed("Tenant"), "PermissionsBoundary", identitytest.PolicyARN("missing")), "NoSuchEntity", "not attachable"},
		{"CreateRole", roleNamed("Tenant"), "", ""},
		{"CreateRole", roleNamed("TENANT"), "EntityAlreadyExists", "Role with name TENANT already exists."},
		{"CreateRole", with(roleNamed("tenant"), "Path", "/other/"), "EntityAlreadyExists", ""},
		{"PutRolePolicy", with(role, "PolicyName", "p", "PolicyDocument", trustPods), "MalformedPolicyDocument", ""},
		{"PutRolePolicy", with(role, "PolicyName", "p", "PolicyDocument", anyAction), "", ""},
		{"DeleteRole", role, "DeleteConflict", "must delete policies first"},
		{"GetRolePolicy", with(role, "PolicyName", "q"), "NoSuchEntity", "The role policy with name q cannot be found."},
		{"DeleteRolePolicy", with(role, "PolicyName", "q"), "NoSuchEntity", ""},
		{"DeleteRolePolicy", with(role, "PolicyName", "p"), "", ""},
		{"AttachRolePolicy", with(role, "PolicyArn", "arn:aws:iam::aws:policy/PowerUserAccess"), "NoSuchEntity", "knows AdministratorAccess, AmazonS3FullAccess, ReadOnlyAccess"},
		{"GetPolicy", params{"PolicyArn": "arn:aws:iam::aws:policy/PowerUserAccess"}, "NoSuchEntity", "knows AdministratorAccess"},
		{"AttachRolePolicy", with(role, "PolicyArn", identitytest.PolicyARN("missing")), "NoSuchEntity", "does not exist or is not attachable"},
		{"AttachRolePolicy", with(role, "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess"), "", ""},
		{"AttachRolePolicy", with(role, "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess"), "", ""},
		{"DeleteRole", role, "DeleteConflict", "must detach all policies first"},
		{"DetachRolePolicy", with(role, "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess"), "", ""},
		{"DetachRolePolicy", with(role, "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess"), "NoSuchEntity", "was not found"},
		{"UpdateRole", with(role, "MaxSessionDuration", "7200"), "", ""},
		{"UpdateRoleDescription", with(role, "Description", "d"), "", ""},
		{"UpdateAssumeRolePolicy", with(role, "PolicyDocument", anyAction), "MalformedPolicyDocument", ""},
		{"UpdateAssumeRolePolicy", with(role, "PolicyDocument", identitytest.Trust(`{"AWS":"*"}`)), "", ""},
		{"TagRole", with(role, "Tags.member.1.Key", "a", "Tags.member.1.Value", "1", "Tags.member.2.Key", "A", "Tags.member.2.Value", "2"), "InvalidInput", "Duplicate"},
		{"TagRole", with(role, "Tags.member.1.Key", "aws:x", "Tags.member.1.Value", "1"), "ValidationError", ""},
		{"ListInstanceProfilesForRole", role, "", ""},
		{"DeleteRole", role, "", ""},
		{"GetRole", role, "NoSuchEntity", ""},
	})
}

// Source: facts AWS §5.
func TestPolicyRules(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	arn := params{"PolicyArn": identitytest.PolicyARN("Session")}
	create := func(name string) params { return params{"PolicyName": name, "PolicyDocument": anyAction} }
	version := with(arn, "PolicyDocument", anyAction)
	full := identitytest.Allow("s3:*", "arn:aws:s3:::"+strings.Repeat("x", 6144-len(identitytest.Allow("s3:*", "arn:aws:s3:::"))))
	a.CreateRole(t, "R", trustPods)
	run(t, a, []step{
		{"GetPolicy", arn, "NoSuchEntity", "Policy " + arn["PolicyArn"] + " was not found."},
		{"CreatePolicy", create("bad/name"), "ValidationError", "policyName"},
		{"CreatePolicy", create(strings.Repeat("x", 129)), "ValidationError", "less than or equal to 128"},
		{"CreatePolicy", with(create("Session"), "Path", "/a//b/"), "ValidationError", "path"},
		{"CreatePolicy", with(create("Session"), "PolicyDocument", `{"Version":"2012-10-17"}`), "MalformedPolicyDocument", ""},
		{"CreatePolicy", with(create("Session"), "PolicyDocument", full+"x"), "MalformedPolicyDocument", ""},
		{"CreatePolicy", with(create("Session"), "PolicyDocument", strings.Replace(full, ":::x", ":::xx", 1)), "LimitExceeded", "Cannot exceed quota for PolicySize: 6144"},
		{"CreatePolicy", with(create("Session"), "PolicyDocument", full+"  \n\t "), "", ""},
		{"CreatePolicy", create("SESSION"), "EntityAlreadyExists", "A policy called SESSION already exists. Duplicate names are not allowed."},
		{"CreatePolicy", with(create("session"), "Path", "/x/"), "EntityAlreadyExists", ""},
		{"CreatePolicyVersion", version, "", ""},
		{"CreatePolicyVersion", version, "", ""},
		{"CreatePolicyVersion", version, "", ""},
		{"CreatePolicyVersion", with(version, "SetAsDefault", "true"), "", ""},
		{"CreatePolicyVersion", version, "LimitExceeded", "A managed policy can have up to 5 versions."},
		{"CreatePolicyVersion", with(version, "SetAsDefault", "yes"), "ValidationError", "setAsDefault"},
		{"DeletePolicyVersion", with(arn, "VersionId", "v5"), "DeleteConflict", "Cannot delete the default version of a policy."},
		{"DeletePolicyVersion", with(arn, "VersionId", "v9"), "NoSuchEntity", ""},
		{"DeletePolicyVersion", with(arn, "VersionId", "5"), "ValidationError", "versionId"},
		{"DeletePolicy", arn, "DeleteConflict", "more than one version"},
		{"DeletePolicyVersion", with(arn, "VersionId", "v1"), "", ""},
		{"GetPolicyVersion", with(arn, "VersionId", "v1"), "NoSuchEntity", ""},
		{"SetDefaultPolicyVersion", with(arn, "VersionId", "v1"), "NoSuchEntity", ""},
		{"SetDefaultPolicyVersion", with(arn, "VersionId", "v2"), "", ""},
		{"CreatePolicyVersion", version, "", ""}, // v6: ids are never used again
		{"GetPolicyVersion", with(arn, "VersionId", "v6"), "", ""},
		{"DeletePolicyVersion", with(arn, "VersionId", "v3"), "", ""},
		{"DeletePolicyVersion", with(arn, "VersionId", "v4"), "", ""},
		{"DeletePolicyVersion", with(arn, "VersionId", "v5"), "", ""},
		{"DeletePolicyVersion", with(arn, "VersionId", "v6"), "", ""},
		{"AttachRolePolicy", with(arn, "RoleName", "R"), "", ""},
		{"DeletePolicy", arn, "DeleteConflict", "attached to entities"},
		{"DetachRolePolicy", with(arn, "RoleName", "R"), "", ""},
		{"PutRolePermissionsBoundary", params{"RoleName": "R", "PermissionsBoundary": arn["PolicyArn"]}, "", ""},
		{"DeletePolicy", arn, "DeleteConflict", ""},
		{"DeleteRolePermissionsBoundary", params{"RoleName": "R"}, "", ""},
		{"DeletePolicy", arn, "", ""},
		{"GetPolicy", arn, "NoSuchEntity", ""},
		{"DeletePolicy", params{"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}, "InvalidInput", ""},
	})
}

func TestUserRules(t *testing.T) {
	t.Parallel()
	user := params{"UserName": "alice"}
	run(t, newAccount(t), []step{
		{"GetUser", user, "NoSuchEntity", "The user with name alice cannot be found."},
		{"CreateUser", user, "", ""},
		{"CreateUser", params{"UserName": "ALICE"}, "EntityAlreadyExists", "User with name ALICE already exists."},
		{"CreateAccessKey", user, "", ""},
		{"CreateAccessKey", user, "", ""},
		{"CreateAccessKey", user, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"},
		{"CreateAccessKey", nil, "ValidationError", "userName"},
		{"DeleteAccessKey", with(user, "AccessKeyId", "AKIAAAAAAAAAAAAAAAAA"), "NoSuchEntity", "Access Key with id"},
		{"DeleteUser", user, "DeleteConflict", "access keys"},
		{"PutUserPolicy", with(user, "PolicyName", "p", "PolicyDocument", anyAction), "", ""},
		{"AttachUserPolicy", with(user, "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess"), "", ""},
		{"ListGroupsForUser", user, "", ""},
	})
}

// Source: facts AWS §5 ("Cannot exceed quota for PoliciesPerAccount") and the IAM
// quotas page.
func TestQuotas(t *testing.T) {
	t.Parallel()
	quotas := iamapi.DefaultQuotas()
	quotas.Policies, quotas.Roles, quotas.Users = 1, 1, 1
	quotas.AttachedPerRole, quotas.TagsPerResource, quotas.TrustPolicySize, quotas.InlinePerRole = 1, 1, 200, 100
	a := identitytest.New(t, identitytest.Config{Quotas: quotas})
	role := params{"RoleName": "r"}
	tag := func(n string) []string { return []string{"Tags.member.1.Key", n, "Tags.member.1.Value", ""} }
	run(t, a, []step{
		{"CreateRole", with(roleNamed("r"), "AssumeRolePolicyDocument", identitytest.Trust(`{"Service":["a.amazonaws.com","bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.amazonaws.com"]}`)), "LimitExceeded", "ACLSizePerRole: 200"},
		{"CreateRole", roleNamed("r"), "", ""},
		{"CreateRole", roleNamed("s"), "LimitExceeded", "RolesPerAccount: 1"},
		{"CreatePolicy", params{"PolicyName": "p", "PolicyDocument": anyAction}, "", ""},
		{"CreatePolicy", params{"PolicyName": "q", "PolicyDocument": anyAction}, "LimitExceeded", "Cannot exceed quota for PoliciesPerAccount: 1"},
		{"CreateUser", params{"UserName": "u"}, "", ""},
		{"CreateUser", params{"UserName": "v"}, "LimitExceeded", "UsersPerAccount: 1"},
		{"AttachRolePolicy", with(role, "PolicyArn", identitytest.PolicyARN("p")), "", ""},
		{"AttachRolePolicy", with(role, "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess"), "LimitExceeded", "PoliciesPerRole: 1"},
		{"TagRole", with(role, tag("a")...), "", ""},
		{"TagRole", with(role, tag("A")...), "", ""}, // the same tag
		{"TagRole", with(role, tag("b")...), "LimitExceeded", "TagsPerResource: 1"},
		{"PutRolePolicy", with(role, "PolicyName", "a", "PolicyDocument", anyAction), "", ""},
		{"PutRolePolicy", with(role, "PolicyName", "a", "PolicyDocument", anyAction), "", ""},
		{"PutRolePolicy", with(role, "PolicyName", "b", "PolicyDocument", anyAction), "LimitExceeded", "Maximum policy size of 100 bytes exceeded for role r"},
		{"DetachRolePolicy", with(role, "PolicyArn", identitytest.PolicyARN("p")), "", ""},
		{"DeletePolicy", params{"PolicyArn": identitytest.PolicyARN("p")}, "", ""},
		{"CreatePolicy", params{"PolicyName": "q", "PolicyDocument": anyAction}, "", ""},
	})
}

// Source: facts AWS §5 (ListPolicies).
func TestListPolicies(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.CreateRole(t, "R", trustPods)
	for i := range 25 {
		path := "/"
		if i%2 == 0 {
			path = "/cas/prod/"
		}
		a.Do(t, "CreatePolicy", params{"PolicyName": "p" + strconv.Itoa(100+i), "Path": path, "PolicyDocument": anyAction, "Description": "hidden"})
	}
	a.Do(t, "AttachRolePolicy", params{"RoleName": "R", "PolicyArn": identitytest.PolicyARN("p101")})
	type page struct {
		Names       []string `xml:"ListPoliciesResult>Policies>member>PolicyName"`
		IsTruncated bool     `xml:"ListPoliciesResult>IsTruncated"`
		Marker      string   `xml:"ListPoliciesResult>Marker"`
	}
	list := func(t *testing.T, p params) (names []string, pages int) {
		for {
			got := decode[page](t, a.Do(t, "ListPolicies", p))
			names, pages = append(names, got.Names...), pages+1
			if got.IsTruncated != (got.Marker != "") {
				t.Fatalf("IsTruncated %v with Marker %q", got.IsTruncated, got.Marker)
			}
			if !got.IsTruncated {
				return names, pages
			}
			p = with(p, "Marker", got.Marker)
		}
	}
	rows := []struct {
		name         string
		params       params
		names, pages int
		first        string
	}{
		{"everything", nil, 28, 1, "p100"},
		{"own, in pages", params{"Scope": "Local", "MaxItems": "7"}, 25, 4, "p100"},
		{"everything, in pages", params{"MaxItems": "9"}, 28, 4, "p100"},
		{"page ends exactly", params{"Scope": "Local", "MaxItems": "25"}, 25, 1, "p100"},
		{"AWS's", params{"Scope": "AWS", "MaxItems": "2"}, 3, 2, "AdministratorAccess"},
		{"a path", params{"PathPrefix": "/cas/prod/", "MaxItems": "10"}, 13, 2, "p100"},
		{"another path", params{"PathPrefix": "/cas/test/"}, 0, 1, ""},
		{"attached", params{"OnlyAttached": "true"}, 1, 1, "p101"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			names, pages := list(t, row.params)
			if len(names) != row.names || pages != row.pages || (len(names) > 0 && names[0] != row.first) {
				t.Errorf("got %d in %d pages, first %v; want %d in %d from %q", len(names), pages, names, row.names, row.pages, row.first)
			}
			seen := map[string]bool{}
			for _, name := range names {
				if seen[name] {
					t.Errorf("%s is there twice", name)
				}
				seen[name] = true
			}
		})
	}
	if body := a.Do(t, "ListPolicies", nil).Body; strings.Contains(body, "hidden") {
		t.Error("a listing has descriptions")
	}
	run(t, a, []step{
		{"ListPolicies", params{"MaxItems": "0"}, "ValidationError", "maxItems"},
		{"ListPolicies", params{"MaxItems": "1001"}, "ValidationError", "maxItems"},
		{"ListPolicies", params{"Marker": "!"}, "ValidationError", "marker"},
		{"ListPolicies", params{"Marker": "zzz"}, "ValidationError", "marker"},
		{"ListPolicies", params{"PathPrefix": "cas"}, "ValidationError", "pathPrefix"},
		{"ListPolicies", params{"Scope": "local"}, "ValidationError", "scope"},
	})
}

// Both uses of a policy count, an entity counts once, and the filter tells them apart
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html).
func TestListEntitiesForPolicy(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	policy := identitytest.PolicyARN("p")
	a.Do(t, "CreatePolicy", params{"PolicyName": "p", "PolicyDocument": anyAction})
	bounded := func(name string) params { return params{"UserName": name, "PermissionsBoundary": policy} }
	a.Do(t, "CreateUser", bounded("bounded"))
	a.Do(t, "CreateUser", bounded("both"))
	a.Do(t, "CreateUser", params{"UserName": "attached"})
	for _, name := range []string{"both", "attached"} {
		a.Do(t, "AttachUserPolicy", params{"UserName": name, "PolicyArn": policy})
	}
	for filter, want := range map[string]string{
		"": "attached both bounded", "PermissionsPolicy": "attached both", "PermissionsBoundary": "both bounded",
	} {
		for _, size := range []string{"1", "100"} {
			var got []string
			p := params{"PolicyArn": policy, "MaxItems": size}
			if filter != "" {
				p["PolicyUsageFilter"] = filter
			}
			for {
				page := decode[struct {
					Names  []string `xml:"ListEntitiesForPolicyResult>PolicyUsers>member>UserName"`
					Marker string   `xml:"ListEntitiesForPolicyResult>Marker"`
				}](t, a.Do(t, "ListEntitiesForPolicy", p))
				if got = append(got, page.Names...); page.Marker == "" || len(got) > 9 {
					break
				}
				p["Marker"] = page.Marker
			}
			if strings.Join(got, " ") != want {
				t.Errorf("filter %q, pages of %s: got %v, want %s", filter, size, got, want)
			}
		}
	}
	run(t, a, []step{{"ListEntitiesForPolicy", params{"PolicyArn": policy, "PolicyUsageFilter": "x"}, "ValidationError", "policyUsageFilter"}})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	user := a.CreateUser(t, "alice")
	doc := `{"Version":"2012-10-17", "Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	a.Do(t, "CreateRole", params{
		"RoleName": "Deep", "Path": "/a/b/", "AssumeRolePolicyDocument": identitytest.Trust(`{"AWS":"` + user.ARN + `"}`),
		"Description": "why", "Tags.member.1.Key": "k", "Tags.member.1.Value": "v",
	})
	type role struct {
		XMLName xml.Name `xml:"https://iam.amazonaws.com/doc/2010-05-08/ GetRoleResponse"`
		Name    string   `xml:"GetRoleResult>Role>RoleName"`
		Arn     string   `xml:"GetRoleResult>Role>Arn"`
		ID      string   `xml:"GetRoleResult>Role>RoleId"`
		Trust   string   `xml:"GetRoleResult>Role>AssumeRolePolicyDocument"`
		Max     int      `xml:"GetRoleResult>Role>MaxSessionDuration"`
		Tag     string   `xml:"GetRoleResult>Role>Tags>member>Value"`
	}
	got := decode[role](t, a.Do(t, "GetRole", params{"RoleName": "deep"}))
	if got.Name != "Deep" || got.Arn != "arn:aws:iam::111122223333:role/a/b/Deep" || len(got.ID) != 21 || got.Max != 3600 || got.Tag != "v" {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(got.Trust, "alice%22") || strings.ContainsAny(got.Trust, ` "{+`) {
		t.Errorf("trust policy %q: want it percent-encoded and with the user's ARN", got.Trust)
	}

	a.Do(t, "CreatePolicy", params{"PolicyName": "p", "PolicyDocument": doc})
	type version struct {
		Document string `xml:"GetPolicyVersionResult>PolicyVersion>Document"`
		Default  bool   `xml:"GetPolicyVersionResult>PolicyVersion>IsDefaultVersion"`
	}
	v := decode[version](t, a.Do(t, "GetPolicyVersion", params{"PolicyArn": identitytest.PolicyARN("p"), "VersionId": "v1"}))
	want := `%7B%22Version%22%3A%222012-10-17%22%2C%20%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D`
	if diff := cmp.Diff(version{Document: want, Default: true}, v); diff != "" {
		t.Error(diff)
	}

	type summary struct {
		Keys   []string `xml:"GetAccountSummaryResult>SummaryMap>entry>key"`
		Values []int    `xml:"GetAccountSummaryResult>SummaryMap>entry>value"`
	}
	s := decode[summary](t, a.Do(t, "GetAccountSummary", nil))
	counts := map[string]int{}
	for i, key := range s.Keys {
		counts[key] = s.Values[i]
	}
	for key, want := range map[string]int{
		"Policies": 1, "PoliciesQuota": 1500, "PolicySizeQuota": 6144, "VersionsPerPolicyQuota": 5,
		"PolicyVersionsInUse": 1, "Roles": 1, "Users": 1,
	} {
		if counts[key] != want {
			t.Errorf("%s is %d, want %d", key, counts[key], want)
		}
	}

	refused := a.Call(t, a.IAM, a.Root(t), "GetRole", params{"RoleName": "nobody"})
	want = `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code>` +
		`<Message>The role with name nobody cannot be found.</Message></Error><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>`
	if diff := cmp.Diff(want, refused.Body); diff != "" {
		t.Error(diff)
	}
	if body := a.Do(t, "ListRolePolicies", params{"RoleName": "Deep"}).Body; !strings.Contains(body, "<PolicyNames></PolicyNames><IsTruncated>false</IsTruncated>") {
		t.Errorf("an empty list without its element: %s", body)
	}
	if body := a.Do(t, "DeleteRole", params{"RoleName": "Deep"}).Body; strings.Contains(body, "Result") {
		t.Errorf("an operation without output has a result: %s", body)
	}
}
