package doctor

import (
	"slices"
	"testing"

	"github.com/managedcas/managedcas/internal/cloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// condition adds a condition to the statements that allow an action, in place of one with
// the same operator and key.
func conditionOn(action string, c iam.Condition) func(*iam.Statement) bool {
	return func(st *iam.Statement) bool {
		if slices.Contains(st.Actions, action) {
			same := func(have iam.Condition) bool { return have.Operator == c.Operator && have.Key == c.Key }
			st.Conditions = append(slices.DeleteFunc(st.Conditions, same), c)
		}
		return true
	}
}

// trusting replaces whom all statements trust.
func trusting(arns ...string) func(*iam.Statement) bool {
	return func(st *iam.Statement) bool { st.Principals.AWS = arns; return true }
}

func TestTrust(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	backend, controlplane, cas := in.BackendRoleARN(), in.ControlplaneRoleARN(), in.CASRoleARN()
	assumeBy := func(p iam.Principals, actions ...string) iam.Statement {
		return iam.Statement{Effect: iam.Allow, Principals: &p, Actions: actions}
	}
	for name, row := range map[string]struct {
		trust *iam.Document
		want  string
		worst Status
	}{
		"sts:TagSession is missing":            {edit(in.BaseRoleTrust(), dropSid("TagWithOrganization")), "trust-tag-session", Failed},
		"sts:AssumeRole is missing":            {edit(in.BaseRoleTrust(), dropSid("AssumeAsOneOrganization")), "trust-workloads", Failed},
		"the backend is not trusted":           {edit(in.BaseRoleTrust(), trusting(controlplane, cas)), "trust-backend", Failed},
		"cas is not trusted":                   {edit(in.BaseRoleTrust(), trusting(controlplane, backend)), "trust-cas", Failed},
		"the controlplane is not trusted":      {edit(in.BaseRoleTrust(), trusting(cas, backend)), "trust-controlplane", Warning},
		"another role in place of the backend": {edit(in.BaseRoleTrust(), trusting(controlplane, cas, "AROAOLDBACKEND000001")), "trust-stale-principal", Failed},
		"a role that is gone besides":          {edit(in.BaseRoleTrust(), trusting(backend, controlplane, cas, "AROAOLDBACKEND000001")), "trust-stale-principal", Warning},
		"an external id":                       {edit(in.BaseRoleTrust(), conditionOn("sts:AssumeRole", when("StringEquals", "sts:ExternalId", "x"))), "trust-external-id", Failed},
		"MFA":                                  {edit(in.BaseRoleTrust(), conditionOn("sts:AssumeRole", when("Bool", "aws:MultiFactorAuthPresent", "true"))), "trust-mfa", Failed},
		"addresses":                            {edit(in.BaseRoleTrust(), conditionOn("sts:AssumeRole", when("IpAddress", "aws:SourceIp", "192.0.2.0/24"))), "trust-network", Warning},
		"a VPC endpoint, for tags":             {edit(in.BaseRoleTrust(), conditionOn("sts:TagSession", when("StringEquals", "aws:SourceVpce", "vpce-1"))), "trust-network", Warning},
		"what nobody here knows":               {edit(in.BaseRoleTrust(), conditionOn("sts:AssumeRole", when("StringEquals", "aws:PrincipalOrgID", "o-1"))), "trust-condition", Warning},
		"another Region":                       {edit(in.BaseRoleTrust(), conditionOn("sts:AssumeRole", when("StringEquals", "aws:RequestedRegion", "us-east-1"))), "trust-condition", Failed},
		"another session name":                 {edit(in.BaseRoleTrust(), conditionOn("sts:AssumeRole", when("StringLike", "sts:RoleSessionName", "chainloop-*"))), "trust-session-name-refused", Failed},
		"another tag":                          {edit(in.BaseRoleTrust(), conditionOn("sts:TagSession", when("StringLike", "aws:RequestTag/tenant", "*"))), "trust-tag-refused", Failed},
		"session names for tags":               {edit(in.BaseRoleTrust(), conditionOn("sts:TagSession", when("StringLike", "sts:RoleSessionName", "cas-*"))), "trust-tag-session-name", Failed},
		"tags for other session names":         {edit(in.BaseRoleTrust(), conditionOn("sts:TagSession", when("StringNotLike", "sts:RoleSessionName", "cas-*"))), "trust-tag-session-name", Warning},
		"only the organization's own tag":      {edit(in.BaseRoleTrust(), conditionOn("sts:TagSession", when("ForAllValues:StringEquals", "aws:TagKeys", "org"))), "trust-inherited-tags", Failed},
		"a denial":                             {also(in.BaseRoleTrust(), iam.Statement{Effect: iam.Deny, Principals: &iam.Principals{Any: true}, Actions: []string{"sts:TagSession"}}), "trust-deny", Failed},
		"session name and tag need not agree": {edit(in.BaseRoleTrust(), func(st *iam.Statement) bool {
			st.Conditions = slices.DeleteFunc(st.Conditions, func(c iam.Condition) bool { return c.Operator == "StringEquals" })
			return true
		}), "trust-session-name", Warning},
		"any session name": {edit(in.BaseRoleTrust(), func(st *iam.Statement) bool { st.Conditions = nil; return true }), "trust-session-name", Warning},
		"any tags": {edit(in.BaseRoleTrust(), func(st *iam.Statement) bool {
			st.Conditions = slices.DeleteFunc(st.Conditions, func(c iam.Condition) bool { return c.Key == "aws:TagKeys" })
			return true
		}), "trust-tag-keys", Warning},
		"the account": {also(in.BaseRoleTrust(), assumeBy(iam.Principals{AWS: []string{in.RootARN()}}, "sts:AssumeRole")), "trust-account", Failed},
		"the account by its id, under a condition": {also(in.BaseRoleTrust(), func() iam.Statement {
			st := assumeBy(iam.Principals{AWS: []string{account}}, "sts:AssumeRole")
			st.Conditions = []iam.Condition{when("StringEquals", "aws:PrincipalTag/team", "x")}
			return st
		}()), "trust-account", Failed},
		"everybody":        {also(in.BaseRoleTrust(), assumeBy(iam.Principals{Any: true}, "sts:*")), "trust-anyone", Failed},
		"another account":  {also(in.BaseRoleTrust(), assumeBy(iam.Principals{AWS: []string{"arn:aws:iam::999999999999:root"}}, "sts:AssumeRole")), "trust-other-account", Failed},
		"another role":     {also(in.BaseRoleTrust(), assumeBy(iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":role/deploy"}}, "sts:AssumeRole")), "trust-other-principal", Failed},
		"a user":           {also(in.BaseRoleTrust(), assumeBy(iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":user/jo"}}, "sts:AssumeRole")), "trust-other-principal", Failed},
		"a service":        {also(in.BaseRoleTrust(), assumeBy(iam.Principals{Service: []string{"ec2.amazonaws.com"}}, "sts:AssumeRole")), "trust-service", Failed},
		"service accounts": {also(in.BaseRoleTrust(), assumeBy(iam.Principals{Federated: []string{"arn:aws:iam::" + account + ":oidc-provider/oidc.example"}}, "sts:AssumeRoleWithWebIdentity")), "trust-federated", Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
			o.BaseRole.Role.Value.Trust = jsonOf(row.trust)
			found, unseen := codesOf(o, baseRoleChecks())
			if !slices.Equal(found, []string{row.want}) || len(unseen) != 0 {
				t.Fatalf("found %v, want %s; unseen %v", found, row.want, unseen)
			}
			for _, c := range baseRoleChecks() {
				for _, f := range c.result(o).Findings {
					if f.Status != row.worst {
						t.Errorf("%s is %s, want %s", f.Code, f.Status, row.worst)
					}
					complete(t, f)
				}
			}
		})
	}
}

// complete complains about what an operator would miss in a finding.
func complete(t *testing.T, f Finding) {
	t.Helper()
	if f.What == "" || f.Evidence == "" || f.Consequence == "" || f.Fix.Text == "" {
		t.Errorf("%s says too little: %+v", f.Code, f)
	}
}

// Another spelling of the same decisions is no finding.
func TestTrustInOtherWords(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	for name, trust := range map[string]*iam.Document{
		"as it is": in.BaseRoleTrust(),
		"a statement for each workload": func() *iam.Document {
			d := &iam.Document{Version: iam.Version2012}
			for _, arn := range in.WorkloadRoleARNs() {
				d.Statements = append(d.Statements, edit(in.BaseRoleTrust(), func(st *iam.Statement) bool {
					st.Sid = ""
					st.Principals.AWS = []string{arn}
					return true
				}).Statements...)
			}
			return d
		}(),
		"everybody, by a condition on who it is": edit(in.BaseRoleTrust(), func(st *iam.Statement) bool {
			st.Principals = &iam.Principals{AWS: []string{"*"}}
			st.Conditions = append(st.Conditions, when("ArnLike", "aws:PrincipalArn", in.WorkloadRoleARNs()...))
			return true
		}),
		"a denial of somebody else": also(in.BaseRoleTrust(), iam.Statement{
			Effect: iam.Deny, Principals: &iam.Principals{Any: true}, Actions: []string{"sts:*"},
			Conditions: []iam.Condition{when("ArnNotEquals", "aws:PrincipalArn", in.WorkloadRoleARNs()...)},
		}),
	} {
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		o.BaseRole.Role.Value.Trust = jsonOf(trust)
		if found, unseen := codesOf(o, baseRoleChecks()); len(found)+len(unseen) > 0 {
			t.Errorf("%s: found %v, unseen %v", name, found, unseen)
		}
	}
}

func TestBaseRoleIsThere(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	for name, row := range map[string]struct {
		change func(*Observation)
		want   []string
	}{
		"missing":        {func(o *Observation) { o.BaseRole = roleSeen{Role: Seen[cloud.Role]{Err: cloud.ErrNotFound}} }, []string{"base-role-missing"}},
		"another path":   {func(o *Observation) { o.BaseRole.Role.Value.ARN = "arn:aws:iam::" + account + ":role/cas/tenant" }, []string{"base-role-path"}},
		"twelve hours":   {func(o *Observation) { o.BaseRole.Role.Value.MaxSession *= 12 }, []string{"base-role-max-session"}},
		"not a policy":   {func(o *Observation) { o.BaseRole.Role.Value.Trust = []byte("{") }, []string{"trust-unreadable"}},
		"not to be seen": {func(o *Observation) { o.BaseRole = roleSeen{Role: Seen[cloud.Role]{Err: cloud.ErrDenied}} }, nil},
		"a backend that is gone": {func(o *Observation) {
			o.Workloads[0].roleSeen = roleSeen{Role: Seen[cloud.Role]{Err: cloud.ErrNotFound}}
			o.BaseRole.Role.Value.Trust = jsonOf(edit(in.BaseRoleTrust(), trusting("AROAOLDBACKEND000001", in.CASRoleARN(), in.ControlplaneRoleARN())))
		}, nil},
	} {
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		row.change(&o)
		if found, _ := codesOf(o, baseRoleChecks()); !slices.Equal(found, row.want) {
			t.Errorf("%s: found %v, want %v", name, found, row.want)
		}
	}
}

// Where controlplane and cas share a role, or IRSA gives roles to pods.
func TestTrustOfOtherInstallations(t *testing.T) {
	t.Parallel()
	shared := guideInstallation(t, func(in *tenancy.Installation) { in.CASRoleName = "" })
	o := Observation{Installation: shared, rolesSeen: healthyRoles(shared)}
	if found, unseen := codesOf(o, baseRoleChecks()); len(found)+len(unseen) > 0 {
		t.Errorf("shared: found %v, unseen %v", found, unseen)
	}
	irsa, err := shared.WorkloadTrustIRSA("arn:aws:iam::"+account+":oidc-provider/oidc.example/id", tenancy.ServiceAccount{Namespace: "cas", Name: "backend"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range o.Workloads {
		o.Workloads[i].Role.Value.Trust = jsonOf(irsa)
	}
	o.BaseRole.Role.Value.Trust = jsonOf(edit(shared.BaseRoleTrust(), conditionOn("sts:TagSession", when("ForAllValues:StringEquals", "aws:TagKeys", "org"))))
	findings, err := trustWorkloads(o)
	if err != nil || len(findings) != 1 || findings[0].Code != "trust-inherited-tags" || findings[0].Status != Warning {
		t.Errorf("IRSA knows no tags: %+v, %v", findings, err)
	}
}

// AWS shows a role that is gone as a principal of a kind that nobody is, in trust and key
// policies: that is no mistake of theirs.
func TestMissingRoleIsOneMistake(t *testing.T) {
	t.Parallel()
	in := guideInstallation(t)
	gone := roleSeen{Role: Seen[cloud.Role]{Err: cloud.ErrNotFound}}
	for name, row := range map[string]struct {
		change func(*Observation)
		arn    string
		want   []string
	}{
		"base role": {func(o *Observation) { o.BaseRole = gone }, in.BaseRoleARN(), []string{"base-role-missing"}},
		"backend":   {func(o *Observation) { o.Workloads[backend].roleSeen = gone }, in.BackendRoleARN(), []string{"workload-missing"}},
	} {
		o := Observation{Installation: in, rolesSeen: healthyRoles(in)}
		shown := func(d *iam.Document) *iam.Document {
			return edit(d, func(st *iam.Statement) bool {
				for i, arn := range st.Principals.AWS {
					if arn == row.arn {
						st.Principals.AWS[i] = "AROA1234567890ABCDEF0"
					}
				}
				return true
			})
		}
		o.BaseRole.Role.Value.Trust = jsonOf(shown(in.BaseRoleTrust()))
		o.KeyPolicy = seen(jsonOf(shown(in.KeyPolicy())), nil)
		row.change(&o)
		checks := append(slices.Concat(baseRoleChecks(), workloadChecks()), check{"key/policy-lets-through", "", keyPolicyLetsThrough})
		if found := sound(t, o, checks); !slices.Equal(found, row.want) {
			t.Errorf("%s: found %v, want %v", name, found, row.want)
		}
	}
}
