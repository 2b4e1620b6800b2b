package doctor

import (
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// asRole replaces the permissions of a workload's role, at this place among the roles.
func asRole(place int, d *iam.Document) func(*Observation) {
	return func(o *Observation) { o.Workloads[place].Inline = inlined(iam.Policy{Name: inlinePolicy, Document: d}) }
}

func attaching(place int, d *iam.Document) func(*Observation) {
	return func(o *Observation) {
		o.Workloads[place].Attached.Value = []policySeen{{"arn:aws:iam::aws:policy/Wide", Seen[[]byte]{Value: jsonOf(d)}}}
	}
}

func trustedBy(place int, d *iam.Document) func(*Observation) {
	return func(o *Observation) { o.Workloads[place].Role.Value.Trust = jsonOf(d) }
}

// The places of the roles.
const (
	backend = iota
	controlplane
	cas
)

func TestWorkloadPermissions(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	own, casOwn := in.BackendPermissions(), in.CASPermissions()
	self, _ := tenants(in)
	abac := guideInstallation(t, func(in *tenancy.Installation) { in.SessionPolicyMode = tenancy.ABAC })
	inline := guideInstallation(t, func(in *tenancy.Installation) { in.SessionPolicyMode = tenancy.Inline })
	anything := allows([]string{"*"}, []string{"*"})
	for name, row := range map[string]struct {
		change func(*Observation)
		want   string
		status Status
	}{
		"no backend": {func(o *Observation) {
			o.Workloads[backend].roleSeen = roleSeen{Role: Seen[cloud.Role]{Err: cloud.ErrNotFound}}
		}, "workload-missing", Failed},
		"no cas": {func(o *Observation) {
			o.Workloads[cas].roleSeen = roleSeen{Role: Seen[cloud.Role]{Err: cloud.ErrNotFound}}
		}, "workload-missing", Failed},
		"another path":                  {func(o *Observation) { o.Workloads[cas].Role.Value.ARN = "arn:aws:iam::" + account + ":role/eks/cas" }, "workload-path", Failed},
		"a backend without permissions": {func(o *Observation) { o.Workloads[backend].Inline = inlined() }, "workload-no-permissions", Failed},
		"cas without permissions":       {func(o *Observation) { o.Workloads[cas].Inline = inlined() }, "workload-no-permissions", Warning},
		"cas that may not assume":       {asRole(cas, edit(casOwn, dropSid("BecomeOneOrganization"))), "workload-assume-role", Warning},
		"cas that may not tag":          {asRole(cas, edit(casOwn, dropActions("sts:TagSession"))), "workload-assume-role", Warning},
		"cas that is denied":            {asRole(cas, also(casOwn, denies("sts:*"))), "workload-deny", Failed},
		"cas under a boundary": {func(o *Observation) {
			r := &o.Workloads[cas]
			r.Role.Value.Boundary = "arn:aws:iam::" + account + ":policy/limits"
			r.Boundary = Seen[[]policySeen]{Value: []policySeen{{r.Role.Value.Boundary, Seen[[]byte]{Value: jsonOf(allows([]string{"s3:*"}, []string{"*"}))}}}}
		}, "role-boundary", Failed},
		"no s3:CreateAccessPoint":       {asRole(backend, edit(own, dropActions("s3:CreateAccessPoint"))), "backend-access-points", Failed},
		"no s3:PutAccessPointPolicy":    {asRole(backend, edit(own, dropActions("s3:PutAccessPointPolicy"))), "backend-access-points", Failed},
		"no s3:DeleteAccessPoint":       {asRole(backend, edit(own, dropActions("s3:DeleteAccessPoint"))), "backend-access-points", Failed},
		"access points of another name": {asRole(backend, edit(own, replaceResources("accesspoint/cas-", "accesspoint/chainloop-"))), "backend-access-point-prefix", Failed},
		"reads of its access points": {asRole(backend, edit(own, func(st *iam.Statement) bool {
			if st.Sid == "AccessPointReads" {
				st.Resources = []string{in.APARNPattern()}
			}
			return true
		})), "backend-access-point-reads", Failed},
		"no iam:CreatePolicy":            {asRole(backend, edit(own, dropActions("iam:CreatePolicy"))), "backend-session-policies", Failed},
		"no iam:ListPolicies":            {asRole(backend, edit(own, dropActions("iam:ListPolicies"))), "backend-session-policies", Failed},
		"session policies of other name": {asRole(backend, edit(own, replaceResources("policy/cas-", "policy/chainloop-"))), "session-policy-prefix", Failed},
		"the permissions of inline":      {asRole(backend, inline.BackendPermissions()), "session-policy-mode", Failed},
		"the permissions of abac":        {asRole(backend, abac.BackendPermissions()), "session-policy-mode", Failed},
		"no iam:GetRole":                 {asRole(backend, edit(own, dropActions("iam:GetRole"))), "backend-base-role", Failed},
		"no iam:GetAccountSummary":       {asRole(backend, edit(own, dropActions("iam:GetAccountSummary"))), "backend-quota-reads", Warning},
		"no kms:DescribeKey":             {asRole(backend, edit(own, dropActions("kms:DescribeKey"))), "backend-key-read", Warning},
		"no reads of the configuration":  {asRole(backend, edit(own, dropSid("ReadBucketConfiguration"))), "backend-configuration-reads", Warning},
		"a denial at the backend":        {asRole(backend, also(own, denies("s3:CreateAccessPoint"))), "workload-deny", Failed},
		"an administrator as cas":        {asRole(cas, anything), "workload-escalation", Failed},
		"an administrator's besides":     {attaching(cas, anything), "workload-escalation", Failed},
		"iam:PassRole":                   {attaching(controlplane, allows([]string{"iam:PassRole"}, []string{"*"})), "", OK},
		"iam:PassRole, not denied":       {asRole(cas, also(edit(casOwn, dropSid("NeverManage")), allows([]string{"iam:PassRole"}, []string{"*"}).Statements...)), "workload-escalation", Failed},
		"the bucket, not denied":         {asRole(cas, also(edit(casOwn, dropSid("NoDirectData")), allows([]string{"s3:GetObject"}, []string{in.ObjectsARN()}).Statements...)), "workload-direct-data", Failed},
		"access points, by cas":          {asRole(cas, also(edit(casOwn, dropSid("NeverManage")), allows([]string{"s3:PutAccessPointPolicy"}, []string{self.APARN()}).Statements...)), "workload-manages", Failed},
		"every access point":             {asRole(backend, also(own, allows([]string{"s3:PutAccessPointPolicy"}, []string{"*"}).Statements...)), "backend-beyond-prefix", Failed},
		"every role":                     {asRole(cas, also(casOwn, allows([]string{"sts:AssumeRole"}, []string{"*"}).Statements...)), "workload-assumes-others", Warning},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkWorkloads(t, in, row.change, row.want, row.status)
		})
	}
	for name, row := range map[string]struct {
		in   tenancy.Installation
		from tenancy.Installation
	}{"the permissions of managed, in abac": {abac, in}, "the permissions of managed, in inline": {inline, in}, "the permissions of abac, in inline": {inline, abac}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkWorkloads(t, row.in, asRole(backend, row.from.BackendPermissions()), "session-policy-mode", Warning)
		})
	}
}

func checkWorkloads(t *testing.T, in tenancy.Installation, change func(*Observation), want string, status Status) {
	t.Helper()
	o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
	change(&o)
	var wanted []string
	if want != "" {
		wanted = []string{want}
	}
	if found := sound(t, o, workloadChecks()); !slices.Equal(found, wanted) {
		t.Fatalf("found %v, want %v", found, wanted)
	}
	for _, c := range workloadChecks() {
		for _, f := range c.result(o).Findings {
			if f.Status != status {
				t.Errorf("%s is %s, want %s", f.Code, f.Status, status)
			}
		}
	}
}

func TestWorkloadTrust(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	pods := in.WorkloadTrustPodIdentity()
	provider := "arn:aws:iam::" + account + ":oidc-provider/oidc.eks.example/id/1"
	irsa, err := in.WorkloadTrustIRSA(provider, tenancy.ServiceAccount{Namespace: "cas", Name: "backend"})
	if err != nil {
		t.Fatal(err)
	}
	withSub := func(values ...string) *iam.Document {
		return edit(irsa, func(st *iam.Statement) bool {
			st.Conditions[0] = when("StringLike", st.Conditions[0].Key, values...)
			return true
		})
	}
	without := func(suffix string) *iam.Document {
		return edit(irsa, func(st *iam.Statement) bool {
			st.Conditions = slices.DeleteFunc(st.Conditions, func(c iam.Condition) bool { return strings.HasSuffix(c.Key, suffix) })
			return true
		})
	}
	by := func(p iam.Principals) iam.Statement {
		return iam.Statement{Effect: iam.Allow, Principals: &p, Actions: []string{"sts:AssumeRole"}}
	}
	for name, row := range map[string]struct {
		trust  *iam.Document
		want   string
		status Status
	}{
		"Pod Identity": {pods, "", OK},
		"Pod Identity of one cluster": {edit(pods, func(st *iam.Statement) bool {
			st.Conditions = append(st.Conditions, when("StringEquals", "aws:RequestTag/kubernetes-namespace", "cas"))
			return true
		}), "", OK},
		"Pod Identity without conditions": {edit(pods, func(st *iam.Statement) bool { st.Conditions = nil; return true }), "", OK},
		"Pod Identity, no sts:TagSession": {edit(pods, dropActions("sts:TagSession")), "workload-trust-tag-session", Failed},
		"Pod Identity of another account": {edit(pods, func(st *iam.Statement) bool {
			st.Conditions = []iam.Condition{when("StringEquals", "aws:SourceAccount", "999999999999")}
			return true
		}), "workload-trust-source-account", Failed},
		"IRSA":                       {irsa, "", OK},
		"IRSA, two service accounts": {withSub("system:serviceaccount:cas:backend", "system:serviceaccount:cas:other"), "", OK},
		"both":                       {also(pods, irsa.Statements...), "", OK},
		"IRSA of another account": {edit(irsa, func(st *iam.Statement) bool {
			st.Principals.Federated = []string{strings.Replace(provider, account, "999999999999", 1)}
			return true
		}), "irsa-provider-account", Failed},
		"IRSA with https://": {edit(irsa, func(st *iam.Statement) bool {
			st.Principals.Federated = []string{strings.Replace(provider, "oidc-provider/", "oidc-provider/https://", 1)}
			for i := range st.Conditions {
				st.Conditions[i].Key = "https://" + st.Conditions[i].Key
			}
			return true
		}), "irsa-provider-url", Failed},
		"IRSA, StringEquals with a star": {edit(withSub("system:serviceaccount:cas:*"), func(st *iam.Statement) bool {
			st.Conditions[0].Operator = "StringEquals"
			return true
		}), "irsa-nobody", Failed},
		"IRSA without a namespace":       {withSub("system:serviceaccount::backend"), "irsa-nobody", Failed},
		"IRSA, one of two is misspelled": {withSub("system:serviceaccount::backend", "system:serviceaccount:cas:backend"), "", OK},
		"IRSA for another audience": {edit(irsa, func(st *iam.Statement) bool {
			for i := range st.Conditions {
				if strings.HasSuffix(st.Conditions[i].Key, ":aud") {
					st.Conditions[i].Values = []string{"sts.amazon.com"}
				}
			}
			return true
		}), "irsa-nobody", Failed},
		"a remnant of IRSA beside Pod Identity": {also(pods, withSub("system:serviceaccount::backend").Statements...), "irsa-nobody", Warning},
		"a pipeline beside Pod Identity":        {also(pods, withSub("repo:example/deploy:ref:refs/heads/main").Statements...), "workload-trust-others", Warning},
		"IRSA for every service account":        {without(":sub"), "irsa-subject", Failed},
		"IRSA for a star":                       {withSub("*"), "irsa-subject", Failed},
		"IRSA for a namespace":                  {withSub("system:serviceaccount:cas:*"), "irsa-subject-wildcard", Warning},
		"IRSA for every audience":               {without(":aud"), "irsa-audience", Warning},
		"neither":                               {&iam.Document{Version: iam.Version2012, Statements: []iam.Statement{by(iam.Principals{Service: []string{"lambda.amazonaws.com"}})}}, "workload-trust-others", Warning},
		"nobody":                                {edit(pods, func(st *iam.Statement) bool { st.Effect = iam.Deny; return true }), "workload-trust", Warning},
		"everybody besides":                     {also(pods, by(iam.Principals{Any: true})), "workload-trust-anyone", Failed},
		"another account besides":               {also(pods, by(iam.Principals{AWS: []string{"999999999999"}})), "workload-trust-anyone", Failed},
		"a role besides":                        {also(pods, by(iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":role/deploy"}})), "workload-trust-others", Warning},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkWorkloads(t, in, trustedBy(cas, row.trust), row.want, row.status)
		})
	}
}

// Every kind of installation is healthy as package tenancy makes it, and what may not be
// read is nobody's mistake.
func TestHealthyWorkloads(t *testing.T) {
	t.Parallel()
	for name, in := range installations(t) {
		for _, mode := range []tenancy.SessionPolicyMode{tenancy.Managed, tenancy.Inline, tenancy.ABAC} {
			if mode == tenancy.ABAC && len(in.APPrefix) > 14 {
				continue
			}
			in.SessionPolicyMode = mode
			o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
			if found, unseen := codesOf(o, slices.Concat(baseRoleChecks(), workloadChecks())); len(found)+len(unseen) > 0 {
				t.Errorf("%s, %s: found %v, unseen %v", name, mode, found, unseen)
			}
		}
	}
	in := guideInstallation(t)
	o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
	for i := range o.Workloads {
		denied := Seen[[]policySeen]{Err: cloud.ErrDenied}
		o.Workloads[i].roleSeen = roleSeen{Role: Seen[cloud.Role]{Err: cloud.ErrDenied}, Inline: denied, Attached: denied, Boundary: denied}
	}
	if found, unseen := codesOf(o, workloadChecks()); len(found) > 0 || len(unseen) != len(workloadChecks()) {
		t.Errorf("found %v, unseen %v", found, unseen)
	}
}
