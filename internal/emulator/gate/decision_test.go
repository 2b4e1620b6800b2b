package gate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/emulator/api"
	"github.com/managedcas/managedcas/internal/emulator/gate"
	"github.com/managedcas/managedcas/internal/emulator/identitytest"
	"github.com/managedcas/managedcas/internal/iam"
)

// The fixtures of facts AWS §3.5: tenant role T in an account with access points A
// and B, session orgA.
const (
	pointA = "arn:aws:s3:eu-west-1:111122223333:accesspoint/cas-prod-A"
	pointB = "arn:aws:s3:eu-west-1:111122223333:accesspoint/cas-prod-B"
	key    = "/object/orgA/x"
)

type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect    string
	Principal any `json:",omitempty"`
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

func document(statements ...statement) string {
	text, err := json.Marshal(policy{Version: iam.Version2012, Statement: statements})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func aws(principal string) any { return map[string]string{"AWS": principal} }

// pointPolicy is P0 of the facts: the named principal may read its own prefix, and
// everybody with another userid is denied.
func pointPolicy(point, userid string, principal any) string {
	return document(
		statement{
			Effect: "Allow", Principal: principal, Action: "s3:GetObject", Resource: point + "/object/orgA/*",
			Condition: map[string]map[string]string{"StringEquals": {"aws:userid": userid}},
		},
		statement{
			Effect: "Deny", Principal: "*", Action: "s3:GetObject", Resource: point + "/object/*",
			Condition: map[string]map[string]string{"StringNotEquals": {"aws:userid": userid}},
		},
	)
}

// fixture is an account with role T.
type fixture struct {
	*identitytest.Account
	workload *api.Caller
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{Account: identitytest.New(t, identitytest.Config{})}
	f.workload = f.CreateUser(t, "workload")
	f.CreateRole(t, "T", identitytest.Trust(`{"AWS":"`+f.workload.ARN+`"}`))
	return f
}

func (f *fixture) identity(t *testing.T, text string) {
	t.Helper()
	f.Do(t, "PutRolePolicy", identitytest.Params{"RoleName": "T", "PolicyName": "permissions", "PolicyDocument": text})
}

// session returns a session of T with a managed session policy; none when empty.
func (f *fixture) session(t *testing.T, text string) *api.Caller {
	t.Helper()
	params := identitytest.Params{}
	if text != "" {
		f.Do(t, "CreatePolicy", identitytest.Params{"PolicyName": "session-orgA", "PolicyDocument": text})
		params["PolicyArns.member.1.arn"] = identitytest.PolicyARN("session-orgA")
	}
	caller, _ := f.Assume(t, f.workload, "T", "orgA", params)
	return caller
}

// get asks for GetObject through an access point with the given policy, and returns
// "" or the message of the refusal.
func (f *fixture) get(t *testing.T, caller *api.Caller, point, pointPolicy string) string {
	t.Helper()
	check := gate.Check{Action: "s3:GetObject", Resource: point + key, Account: identitytest.ID}
	if pointPolicy != "" {
		check.Policy = &iam.Policy{Name: "access point policy", Document: f.bind(t, pointPolicy)}
	}
	return refusal(t, f.Gate.Authorize(t.Context(), caller, check))
}

func (f *fixture) bind(t *testing.T, text string) *iam.Document {
	t.Helper()
	doc, err := iam.Parse(iam.KindAP, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	bound, err := f.Gate.Bind(doc)
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

func refusal(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	refused, ok := err.(*api.Error)
	if !ok || refused.Code != "AccessDenied" || refused.Status != 403 {
		t.Fatalf("want AccessDenied 403, got %v", err)
	}
	return refused.Message
}

const (
	allowed     = ""
	noSession   = "because no session policy allows the s3:GetObject action"
	noIdentity  = "because no identity-based policy allows the s3:GetObject action"
	denyByPoint = "with an explicit deny in a resource-based policy"
	denyByRole  = "with an explicit deny in an identity-based policy"
)

// TestDecisions replays rows 6 to 13 of facts AWS §3.5 with real records. The other
// rows are decided by the data plane, or by the evaluator alone.
func TestDecisions(t *testing.T) {
	t.Parallel()
	readA := identitytest.Allow("s3:GetObject", pointA+"/object/orgA/*")
	readB := identitytest.Allow("s3:GetObject", pointB+"/object/*")
	readAny := identitytest.Allow("s3:GetObject", "arn:aws:s3:eu-west-1:111122223333:accesspoint/cas-prod-*/object/*")
	roleT := aws(identitytest.RoleARN("T"))
	rows := []struct {
		name              string // row of facts AWS §3.5
		identity, session string
		point             string
		principal         any // in the access point policy's Allow; nil: no policy
		want              string
	}{
		{"6 no session policy limits nothing", readAny, "", pointA, roleT, allowed},
		{"7 other access point", readAny, "", pointB, roleT, denyByPoint},
		{"8 role ARN is limited by the session policy", readAny, readB, pointA, roleT, noSession},
		{"9 session ARN is not", readAny, readB, pointA, aws("arn:aws:sts::111122223333:assumed-role/T/orgA"), allowed},
		{"10 everyone is not", readAny, readB, pointA, "*", allowed},
		{"11 the account delegates only", readAny, readB, pointA, aws("arn:aws:iam::111122223333:root"), noSession},
		{"12 role ARN needs no identity policy", "", readA, pointA, roleT, allowed},
		{"13 nothing allows", "", readA, pointA, nil, noIdentity},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			if row.identity != "" {
				f.identity(t, row.identity)
			}
			caller := f.session(t, row.session)
			text := ""
			if row.principal != nil {
				userid := caller.UserID
				if row.point == pointB {
					userid = caller.RoleID + ":orgB"
				}
				text = pointPolicy(row.point, userid, row.principal)
			}
			got := f.get(t, caller, row.point, text)
			if (got == "") != (row.want == "") || !strings.HasSuffix(got, row.want) {
				t.Errorf("got %q, want it to end in %q", got, row.want)
			}
		})
	}
}

func TestRow41TrustCountsAtIssueOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.identity(t, identitytest.Allow("s3:GetObject", pointA+"/object/*"))
	caller := f.session(t, "")
	f.Do(t, "UpdateAssumeRolePolicy", identitytest.Params{
		"RoleName": "T", "PolicyDocument": identitytest.Trust(`{"Service":"pods.eks.amazonaws.com"}`),
	})
	if got := f.get(t, caller, pointA, ""); got != "" {
		t.Errorf("an issued session was refused: %s", got)
	}
	if got := f.TryAssume(t, f.workload, "T", "orgA", nil); got.Code() != "AccessDenied" {
		t.Errorf("a new session: got %q, want AccessDenied", got.Code())
	}
}

func TestRow42RolePolicyIsLive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.identity(t, identitytest.Allow("s3:GetObject", pointA+"/object/*"))
	caller := f.session(t, "")
	f.identity(t, identitytest.Deny("s3:GetObject", "*"))
	if got := f.get(t, caller, pointA, ""); !strings.HasSuffix(got, denyByRole) {
		t.Errorf("got %q, want it to end in %q", got, denyByRole)
	}
}

func TestRow43DeletedRoleEndsItsSessions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, session := f.Assume(t, f.workload, "T", "orgA", nil)
	f.Do(t, "DeleteRole", identitytest.Params{"RoleName": "T"})
	_, _, err := f.Directory.Lookup(t.Context(), session.AccessKeyID, session.Token)
	if refused, ok := err.(*api.Error); !ok || refused.Code != "InvalidClientTokenId" {
		t.Errorf("got %v, want InvalidClientTokenId", err)
	}
	// The same name does not bring the sessions back (facts AWS §3.3).
	f.CreateRole(t, "T", identitytest.Trust(`{"AWS":"*"}`))
	if _, _, err := f.Directory.Lookup(t.Context(), session.AccessKeyID, session.Token); err == nil {
		t.Error("a recreated role revived a session of its predecessor")
	}
}

func TestRow44RecreatedRoleIsAnotherPrincipal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.session(t, "")
	text := pointPolicy(pointA, before.UserID, aws(identitytest.RoleARN("T")))
	check := gate.Check{
		Action: "s3:GetObject", Resource: pointA + key, Account: identitytest.ID,
		Policy: &iam.Policy{Name: "access point policy", Document: f.bind(t, text)},
	}
	if got := refusal(t, f.Gate.Authorize(t.Context(), before, check)); got != "" {
		t.Fatalf("before: %s", got)
	}
	f.Do(t, "DeleteRole", identitytest.Params{"RoleName": "T"})
	f.CreateRole(t, "T", identitytest.Trust(`{"AWS":"`+f.workload.ARN+`"}`))
	after := f.session(t, "")
	if got := refusal(t, f.Gate.Authorize(t.Context(), after, check)); !strings.HasSuffix(got, denyByPoint) {
		t.Errorf("got %q, want it to end in %q", got, denyByPoint)
	}
	// Without the Deny the principal alone must stop it: the id is no longer anybody's.
	onlyAllow := *check.Policy.Document
	onlyAllow.Statements = onlyAllow.Statements[:1:1]
	onlyAllow.Statements[0].Conditions = nil
	check.Policy = &iam.Policy{Document: &onlyAllow}
	if got := refusal(t, f.Gate.Authorize(t.Context(), after, check)); !strings.HasSuffix(got, noIdentity) {
		t.Errorf("got %q, want it to end in %q", got, noIdentity)
	}
	shown := f.Gate.Unbind(&onlyAllow).Statements[0].Principals.AWS[0]
	if shown != before.RoleID {
		t.Errorf("the policy shows %q, want the dead id %q", shown, before.RoleID)
	}
}

func TestRow45DeniedTwice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.identity(t, identitytest.Deny("s3:GetObject", "*"))
	got := f.get(t, f.session(t, ""), pointA, pointPolicy(pointA, "AROASOMEBODYELSE:x", aws(identitytest.RoleARN("T"))))
	if !strings.HasSuffix(got, denyByPoint) && !strings.HasSuffix(got, denyByRole) {
		t.Errorf("got %q, want either explicit deny", got)
	}
}
