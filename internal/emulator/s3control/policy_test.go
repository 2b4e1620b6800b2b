package s3control_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/managedcas/managedcas/internal/emulator/directory"
	"github.com/managedcas/managedcas/internal/emulator/s3state"
	"github.com/managedcas/managedcas/internal/emulator/state"
)

const (
	nothing = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"none:*","Resource":"*"}]}`
	objects = `"Resource":"` + apARN + `cas-a/object/org/*"`
	public  = `"Effect":"Allow","Principal":"*","Action":"s3:GetObject",` + objects
)

func TestPolicyRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.role("tenant", nothing)
	w.create("cas-a")
	w.do(w.root, "GET", apPath+"cas-a/policy", "").is(t, 404, "NoSuchAccessPointPolicy")
	w.do(w.root, "GET", apPath+"cas-a/policyStatus", "").is(t, 404, "NoSuchAccessPointPolicy")

	sent := statement(`"Effect":"Allow","Principal":{"AWS":"` + tenant.RoleARN + `"},"Action":"s3:GetObject",` + objects)
	w.do(w.root, "PUT", apPath+"cas-a/policy", policyBody(sent)).is(t, 200, "")
	var got struct{ Policy string }
	w.do(w.root, "GET", apPath+"cas-a/policy", "").into(t, &got)
	if diff := cmp.Diff(decoded(t, sent), decoded(t, got.Policy)); diff != "" {
		t.Errorf("policy (-sent +got):\n%s", diff)
	}
	var status struct {
		IsPublic bool `xml:"PolicyStatus>IsPublic"`
	}
	w.do(w.root, "GET", apPath+"cas-a/policyStatus", "").into(t, &status)
	if status.IsPublic {
		t.Error("a policy that names a role is called public")
	}
	w.do(w.root, "DELETE", apPath+"cas-a/policy", "").is(t, 204, "")
	w.do(w.root, "GET", apPath+"cas-a/policy", "").is(t, 404, "NoSuchAccessPointPolicy")
	w.do(w.root, "PUT", apPath+"absent/policy", policyBody(sent)).is(t, 404, "NoSuchAccessPoint")
}

// facts AWS §3.2: principals are stored as unique ids, so a role of the same name
// that is made later is another principal, and the policy shows the id.
func TestPolicyNamesTheRoleThatWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.role("tenant", nothing)
	w.create("cas-a")
	w.do(w.root, "PUT", apPath+"cas-a/policy",
		policyBody(statement(`"Effect":"Allow","Principal":{"AWS":"`+tenant.RoleARN+`"},"Action":"s3:GetObject",`+objects))).is(t, 200, "")
	if err := w.dir.Update(func(tx directory.Tx) error { return directory.Roles.Delete(tx, "tenant") }); err != nil {
		t.Fatal(err)
	}
	w.role("tenant", nothing)
	var got struct{ Policy string }
	w.do(w.root, "GET", apPath+"cas-a/policy", "").into(t, &got)
	if !strings.Contains(got.Policy, tenant.RoleID) || strings.Contains(got.Policy, tenant.RoleARN) {
		t.Errorf("the policy names the new role: %s", got.Policy)
	}
}

func TestPolicyRefused(t *testing.T) {
	t.Parallel()
	allow := `"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"s3:GetObject",`
	for _, tc := range []struct {
		about, policy string
		status        int
		code          string
	}{
		{"not JSON", "x", 400, "MalformedPolicy"},
		{"unknown element", `{"Version":"2012-10-17","Statements":[]}`, 400, "MalformedPolicy"},
		{"no principal", statement(`"Effect":"Allow","Action":"s3:GetObject",` + objects), 400, "MalformedPolicy"},
		{"role that does not exist (facts AWS §1.3)", statement(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:role/none"},"Action":"s3:GetObject",` + objects), 400, "MalformedPolicy"},
		{"other access point", statement(allow + `"Resource":"` + apARN + `cas-b/object/*"`), 400, "MalformedPolicy"},
		{"name that only begins alike", statement(allow + `"Resource":"` + apARN + `cas-ab/object/*"`), 400, "MalformedPolicy"},
		{"wildcard for the name", statement(allow + `"Resource":"` + apARN + `*"`), 400, "MalformedPolicy"},
		{"the bucket", statement(allow + `"Resource":"arn:aws:s3:::shared/*"`), 400, "MalformedPolicy"},
		{"everything", statement(allow + `"Resource":"*"`), 400, "MalformedPolicy"},
		{"everything but another", statement(`"Effect":"Deny","Principal":"*","Action":"s3:*","NotResource":"` + apARN + `cas-b/object/*"`), 400, "MalformedPolicy"},
		{"objects without /object/", statement(allow + `"Resource":"` + apARN + `cas-a/*"`), 400, "MalformedPolicy"},
		{"mistyped action", statement(`"Effect":"Deny","Principal":"*","Action":"s3:GetObjekt",` + objects), 400, "MalformedPolicy"},
		{"over 20 KB", statement(allow+objects) + strings.Repeat(" ", 20<<10), 400, "MalformedPolicy"},
		{"the access point itself", statement(`"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"s3:ListBucket","Resource":"` + apARN + `cas-a"`), 200, ""},
		{"objects", statement(allow + objects), 200, ""},
		{"all but a prefix", statement(`"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Not` + objects[1:]), 200, ""},
		{"public", statement(public), 403, "AccessDenied"},
		{"public by pattern (facts AWS §3.5 row 46)", statement(public + `,"Condition":{"StringLike":{"aws:userid":"AROATENANT:*"}}`), 403, "AccessDenied"},
		{"confined by user id", statement(public + `,"Condition":{"StringEquals":{"aws:userid":"AROATENANT:org"}}`), 200, ""},
	} {
		t.Run(tc.about, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.create("cas-a")
			w.do(w.root, "PUT", apPath+"cas-a/policy", policyBody(tc.policy)).is(t, tc.status, tc.code)
		})
	}
}

// facts AWS §2.5: BlockPublicPolicy of the account, the bucket or the access point
// is enough to refuse a public policy.
func TestBlockPublicPolicy(t *testing.T) {
	t.Parallel()
	const open = `<PublicAccessBlockConfiguration><BlockPublicPolicy>false</BlockPublicPolicy></PublicAccessBlockConfiguration>`
	block := s3state.PublicAccessBlock{BlockPublicPolicy: true}
	for _, tc := range []struct {
		about   string
		create  string
		bucket  *s3state.PublicAccessBlock
		account *s3state.PublicAccessBlock
		status  int
	}{
		{"nothing blocks", open, nil, nil, 200},
		{"the access point blocks", "", nil, nil, 403},
		{"the bucket blocks", open, &block, nil, 403},
		{"the account blocks", open, nil, &block, 403},
		{"other settings do not matter", open, &s3state.PublicAccessBlock{BlockPublicAcls: true}, nil, 200},
		{"a VPC is not public", "<VpcConfiguration><VpcId>vpc-0123abcd</VpcId></VpcConfiguration>", &block, nil, 200},
	} {
		t.Run(tc.about, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.putBucket(s3state.Bucket{Name: "shared", AccountID: account, Region: region, PublicAccessBlock: tc.bucket})
			if tc.account != nil {
				err := w.db.Update(func(tx state.Tx) error { return s3state.AccountBlocks.Put(tx, account, *tc.account) })
				if err != nil {
					t.Fatal(err)
				}
			}
			w.do(w.root, "PUT", apPath+"cas-a", createBody(tc.create)).is(t, 200, "")
			got := w.do(w.root, "PUT", apPath+"cas-a/policy", policyBody(statement(public)))
			if got.Status != tc.status {
				t.Errorf("got %d, want %d: %s", got.Status, tc.status, got.Body)
			}
		})
	}
}

// An access point's own policy can forbid its management, never grant it, and the
// root user can always repair it (facts AWS §13 P6, the strict reading).
func TestOwnPolicyOnManagement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := statement(`"Effect":"Allow","Action":"s3:*","Resource":"*"`)
	admin, guest := w.role("admin", all), w.role("guest", nothing)
	w.create("cas-a")
	put := policyBody(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"` + guest.RoleARN + `"},"Action":"s3:*","Resource":"` + apARN + `cas-a"},
		{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"` + apARN + `cas-a","Condition":{"StringEquals":{"aws:PrincipalArn":["` + admin.RoleARN + `","` + w.root.ARN + `"]}}}]}`)
	w.do(admin, "PUT", apPath+"cas-a/policy", put).is(t, 200, "")
	w.do(guest, "GET", apPath+"cas-a/policy", "").is(t, 403, "AccessDenied")
	w.do(admin, "GET", apPath+"cas-a/policy", "").is(t, 403, "AccessDenied")
	w.do(w.root, "DELETE", apPath+"cas-a", "").is(t, 403, "AccessDenied")
	w.do(w.root, "DELETE", apPath+"cas-a/policy", "").is(t, 204, "")
	w.do(admin, "DELETE", apPath+"cas-a", "").is(t, 204, "")
}

func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}
