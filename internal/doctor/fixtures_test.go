package doctor

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const account = "111122223333"

// guideInstallation is the operator's guide's, with a role of its own for each workload.
func guideInstallation(t testing.TB, change ...func(*tenancy.Installation)) tenancy.Installation {
	t.Helper()
	in := tenancy.Installation{
		AccountID: account, Region: "eu-west-1", BucketName: "artifacts", APPrefix: "cas-",
		KMSKeyARN:    "arn:aws:kms:eu-west-1:" + account + ":key/11111111-2222-3333-4444-555555555555",
		BaseRoleName: "tenant", SessionPolicyPrefix: "cas-",
		BackendRoleName: "backend", ControlplaneRoleName: "controlplane", CASRoleName: "cas",
	}
	for _, c := range change {
		c(&in)
	}
	in, err := tenancy.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func jsonOf(d *iam.Document) []byte {
	b, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return b
}

// healthyRoles are roles as the documents of package tenancy make them.
func healthyRoles(in tenancy.Installation) rolesSeen {
	role := func(name, arn, id string, trust, permissions *iam.Document) roleSeen {
		return roleSeen{
			Role:   Seen[cloud.Role]{Value: cloud.Role{Name: name, ARN: arn, ID: id, Trust: jsonOf(trust), MaxSession: time.Hour}},
			Inline: Seen[[]policySeen]{Value: []policySeen{{inlinePolicy, Seen[[]byte]{Value: jsonOf(permissions)}}}},
		}
	}
	o := rolesSeen{BaseRole: role(in.BaseRoleName, in.BaseRoleARN(), "AROABASEROLE00000001", in.BaseRoleTrust(), in.BaseRolePermissions())}
	for _, w := range workloads(in) {
		w.roleSeen = role(w.Name, w.ARN, "AROA"+string(w.Workload), in.WorkloadTrustPodIdentity(), w.wanted(in))
		o.Workloads = append(o.Workloads, w)
	}
	return o
}

// codesOf are those of the findings of some checks, each once, and what could not be seen.
func codesOf(o Observation, checks []check) (found []string, unseen []string) {
	for _, c := range checks {
		r := c.result(o)
		for _, f := range r.Findings {
			found = append(found, f.Code)
		}
		if r.Detail != "" && r.Status == Unseen {
			unseen = append(unseen, c.name+": "+r.Detail)
		}
	}
	return found, unseen
}

// sound are the codes of findings that are complete.
func sound(t testing.TB, o Observation, checks []check) []string {
	t.Helper()
	var found []string
	for _, f := range look(t, o, checks) {
		found = append(found, f.Code)
	}
	return found
}

// edit returns a copy of a document with each statement changed; false leaves it out.
func edit(d *iam.Document, change func(*iam.Statement) bool) *iam.Document {
	c := *d
	c.Statements = nil
	for _, st := range d.Statements {
		st.Actions = append([]string(nil), st.Actions...)
		st.Resources = append([]string(nil), st.Resources...)
		st.Conditions = append([]iam.Condition(nil), st.Conditions...)
		if st.Principals != nil {
			p := *st.Principals
			p.AWS = append([]string(nil), p.AWS...)
			st.Principals = &p
		}
		if change(&st) {
			c.Statements = append(c.Statements, st)
		}
	}
	return &c
}

func dropSid(sid string) func(*iam.Statement) bool {
	return func(st *iam.Statement) bool { return st.Sid != sid }
}

// also returns the document with more statements.
func also(d *iam.Document, more ...iam.Statement) *iam.Document {
	c := *d
	c.Statements = append(append([]iam.Statement(nil), d.Statements...), more...)
	return &c
}

func when(operator, key string, values ...string) iam.Condition {
	return iam.Condition{Operator: operator, Key: key, Values: values}
}
