package iam_test

import (
	"testing"

	"github.com/managedcas/managedcas/internal/iam"
)

const (
	principalPage    = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"
	crossAccountPage = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html"
	boundaryPage     = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"
)

// TestPrincipals asks which layers still have to allow when a resource policy allows
// in a certain way. The other layers are there and allow nothing, unless the row
// says that they do.
func TestPrincipals(t *testing.T) {
	t.Parallel()
	const (
		user      = "arn:aws:iam::111122223333:user/u"
		session   = "arn:aws:sts::111122223333:assumed-role/R/s"
		role      = "arn:aws:iam::111122223333:role/R"
		roleInDir = "arn:aws:iam::111122223333:role/team/R"
		federated = "arn:aws:sts::111122223333:federated-user/f"
		provider  = "arn:aws:iam::111122223333:oidc-provider/oidc.example.com"
		foreign   = "arn:aws:iam::999988887777:role/R"
		service   = "pods.eks.amazonaws.com"
	)
	type has struct{ identity, boundary, session bool } // the layers that allow
	var nothing has
	const (
		allowed  = iam.Allowed
		implicit = iam.ImplicitlyDenied
	)
	rows := []struct {
		name       string
		caller     string
		callerRole string
		principal  string // of the resource policy's Allow; "-": no policy
		layers     has    // that allow
		bounded    bool   // a boundary exists
		passed     bool   // a session policy was passed
		require    bool
		want       iam.Result
		layer      iam.Layer
		source     string
	}{
		{"user named", user, "", `{"AWS":"` + user + `"}`, nothing, true, false, false, allowed, iam.LayerResource, "facts AWS §3.2"},
		{"other user named", user, "", `{"AWS":"arn:aws:iam::111122223333:user/U"}`, nothing, false, false, false, implicit, iam.LayerIdentity, principalPage},
		{"account of user named", user, "", `{"AWS":"111122223333"}`, nothing, false, false, false, implicit, iam.LayerIdentity, "facts AWS §3.2"},
		{"account of user named, identity allows", user, "", `{"AWS":"111122223333"}`, has{identity: true}, false, false, false, allowed, iam.LayerResource, "facts AWS §3.2"},
		{"root ARN is the account", user, "", `{"AWS":"` + rootARN + `"}`, has{identity: true}, false, false, true, allowed, iam.LayerResource, principalPage},
		{"identity allows, boundary does not", user, "", "-", has{identity: true}, true, false, false, implicit, iam.LayerBoundary, boundaryPage},
		{"identity and boundary allow", user, "", "-", has{identity: true, boundary: true}, true, false, false, allowed, iam.LayerIdentity, boundaryPage},
		{"boundary alone grants nothing", user, "", "-", has{boundary: true}, true, false, false, implicit, iam.LayerIdentity, boundaryPage},
		{"role named, caller is its session", session, "", `{"AWS":"` + role + `"}`, nothing, false, false, false, allowed, iam.LayerResource, "facts AWS §3.2"},
		{"role named, boundary does not allow", session, "", `{"AWS":"` + role + `"}`, nothing, true, false, false, implicit, iam.LayerBoundary, "facts AWS §3.2"},
		{"role named, session policy does not allow", session, "", `{"AWS":"` + role + `"}`, nothing, false, true, false, implicit, iam.LayerSession, "facts AWS §3.2"},
		{"role named, both limits allow", session, "", `{"AWS":"` + role + `"}`, has{boundary: true, session: true}, true, true, false, allowed, iam.LayerResource, "facts AWS §3.2"},
		{"role named, caller is the role", role, "", `{"AWS":"` + role + `"}`, nothing, false, false, false, allowed, iam.LayerResource, principalPage},
		{"role named, caller is the role with limits", role, "", `{"AWS":"` + role + `"}`, nothing, false, true, false, implicit, iam.LayerSession, principalPage},
		{"role with path named, path known", session, roleInDir, `{"AWS":"` + roleInDir + `"}`, nothing, false, false, false, allowed, iam.LayerResource, "facts AWS §4.2"},
		{"role with path named, path not known", session, "", `{"AWS":"` + roleInDir + `"}`, nothing, false, false, false, implicit, iam.LayerIdentity, "facts AWS §4.2"},
		{"role without path named, role has one", session, roleInDir, `{"AWS":"` + role + `"}`, nothing, false, false, false, implicit, iam.LayerIdentity, "facts AWS §4.2"},
		{"session named", session, "", `{"AWS":"` + session + `"}`, nothing, true, true, false, allowed, iam.LayerResource, "facts AWS §3.2"},
		{"another session named", session, "", `{"AWS":"` + session + `2"}`, nothing, false, false, false, implicit, iam.LayerIdentity, principalPage},
		{"everybody named", session, "", `"*"`, nothing, true, true, false, allowed, iam.LayerResource, "facts AWS §3.2"},
		{"everybody named, long form", session, "", `{"AWS":"*"}`, nothing, true, true, false, allowed, iam.LayerResource, principalPage},
		{"everybody named, key policy", session, "", `{"AWS":"*"}`, nothing, false, true, true, allowed, iam.LayerResource, "facts AWS §3.5 row 34"},
		{"the strongest naming counts", session, "", `{"AWS":["111122223333","` + role + `","` + session + `"]}`, nothing, true, true, false, allowed, iam.LayerResource, "facts AWS §3.2"},
		{"session policy does not grant", session, "", "-", has{session: true}, false, true, false, implicit, iam.LayerIdentity, "facts AWS §3.3"},
		{"identity and session policy", session, "", "-", has{identity: true, session: true}, false, true, false, allowed, iam.LayerIdentity, "facts AWS §3.3"},
		{"identity allows, empty session policy", session, "", "-", has{identity: true}, false, true, false, implicit, iam.LayerSession, "facts AWS §3.3"},
		{"identity allows, none passed", session, "", "-", has{identity: true}, false, false, false, allowed, iam.LayerIdentity, "facts AWS §3.3"},
		{"key or trust policy is silent", session, "", "-", has{identity: true}, false, false, true, implicit, iam.LayerResource, "facts AWS §3.1"},
		{"key or trust policy names somebody else", session, "", `{"AWS":"` + user + `"}`, has{identity: true}, false, false, true, implicit, iam.LayerResource, "facts AWS §6.2"},
		{"trust policy names the role", session, "", `{"AWS":"` + role + `"}`, nothing, false, false, true, allowed, iam.LayerResource, "facts AWS §4.5"},
		{"trust policy names the account", session, "", `{"AWS":"111122223333"}`, nothing, false, false, true, implicit, iam.LayerIdentity, "facts AWS §4.5"},
		{"trust policy names a service", service, "", `{"Service":"pods.eks.amazonaws.com"}`, nothing, false, false, true, allowed, iam.LayerResource, "facts AWS §4.5"},
		{"another service", service, "", `{"Service":"ec2.amazonaws.com"}`, has{identity: true}, false, false, true, implicit, iam.LayerResource, "facts AWS §4.5"},
		{"a service has no identity policies", service, "", "-", has{identity: true}, false, false, false, implicit, iam.LayerResource, "facts AWS §4.5"},
		{"trust policy names a provider", provider, "", `{"Federated":"` + provider + `"}`, nothing, false, false, true, allowed, iam.LayerResource, principalPage},
		{"provider with a host name", "accounts.google.com", "", `{"Federated":"accounts.google.com"}`, nothing, false, false, true, allowed, iam.LayerResource, principalPage},
		{"another provider", provider, "", `{"Federated":"` + provider + `2"}`, nothing, false, false, true, implicit, iam.LayerResource, principalPage},
		{"federated user named", federated, "", `{"AWS":"` + federated + `"}`, nothing, true, true, false, allowed, iam.LayerResource, "facts AWS §3.2"},
		{"federated user without session policy", federated, "", "-", has{identity: true}, false, false, false, implicit, iam.LayerSession, "facts AWS §3.1"},
		{"federated user with session policy", federated, "", "-", has{identity: true, session: true}, false, true, false, allowed, iam.LayerIdentity, "facts AWS §3.1"},
		{"anonymous, everybody named", iam.Anonymous, "", `"*"`, nothing, false, false, false, allowed, iam.LayerResource, principalPage},
		{"anonymous, everybody named, long form", iam.Anonymous, "", `{"AWS":"*"}`, nothing, false, false, false, allowed, iam.LayerResource, principalPage},
		{"anonymous, account named", iam.Anonymous, "", `{"AWS":"111122223333"}`, has{identity: true}, false, false, false, implicit, iam.LayerResource, principalPage},
		{"anonymous, no policy", iam.Anonymous, "", "-", has{identity: true}, false, false, false, implicit, iam.LayerResource, principalPage},
		{"root user", rootARN, "", "-", nothing, false, false, false, allowed, iam.LayerIdentity, "facts AWS §3.5 row 25"},
		{"root user, key policy silent", rootARN, "", "-", nothing, false, false, true, implicit, iam.LayerResource, "facts AWS §6.2"},
		{"root user, key policy names the account", rootARN, "", `{"AWS":"111122223333"}`, nothing, false, false, true, allowed, iam.LayerResource, "facts AWS §6.2"},
		{"root user of another account", "arn:aws:iam::999988887777:root", "", "-", nothing, false, false, false, implicit, iam.LayerResource, crossAccountPage},
		{"other account, only identity", foreign, "", "-", has{identity: true}, false, false, false, implicit, iam.LayerResource, crossAccountPage},
		{"other account, only resource", foreign, "", `{"AWS":"` + foreign + `"}`, nothing, false, false, false, implicit, iam.LayerIdentity, crossAccountPage},
		{"other account, everybody named", foreign, "", `"*"`, nothing, false, false, false, implicit, iam.LayerIdentity, crossAccountPage},
		{"other account, both sides", foreign, "", `{"AWS":"` + foreign + `"}`, has{identity: true}, false, false, false, allowed, iam.LayerResource, crossAccountPage},
		{"other account, delegated", foreign, "", `{"AWS":"999988887777"}`, has{identity: true}, false, false, false, allowed, iam.LayerResource, crossAccountPage},
		{"other account, session policy", foreign, "", `{"AWS":"999988887777"}`, has{identity: true}, false, true, false, implicit, iam.LayerSession, crossAccountPage},
		{"other account, boundary", foreign, "", `"*"`, has{identity: true}, true, false, false, implicit, iam.LayerBoundary, crossAccountPage},
		{"a unique id names nobody", session, "", `{"AWS":"AROATENANTEXAMPLE0001"}`, nothing, false, false, false, implicit, iam.LayerIdentity, "facts AWS §3.2"},
		{"no such principal", "somebody", "", `"*"`, has{identity: true}, false, false, false, implicit, "", "deny by default"},
		{"no such principal, not everybody", "somebody", "", `{"AWS":"111122223333"}`, has{identity: true}, false, false, false, implicit, "", "deny by default"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			const resource = "arn:aws:s3:::b/k"
			elsewhere, here := []string{allow("*", "arn:aws:s3:::other/*", "")}, []string{allow("*", resource, "")}
			pick := func(allows bool) []string {
				if allows {
					return here
				}
				return elsewhere
			}
			set := iam.PolicySet{
				Identity:        policies(t, iam.KindIdentity, pick(row.layers.identity)),
				SessionPassed:   row.passed,
				RequireResource: row.require,
			}
			if row.bounded {
				set.Boundary = policies(t, iam.KindIdentity, pick(row.layers.boundary))
			}
			if row.passed && row.layers.session {
				set.Session = policies(t, iam.KindSession, here)
			}
			if row.principal != "-" {
				set.Resource = resourcePolicy(t, iam.KindResource, []string{allow("*", "*", `,"Principal":`+row.principal)})
			}
			req := iam.Request{Principal: row.caller, PrincipalRole: row.callerRole, Action: get, Resource: resource, Account: account}
			got := iam.Evaluate(req, set)
			checkPrincipal(t, got, row.want, row.layer, row.source)
		})
	}
}

func checkPrincipal(t *testing.T, got iam.Decision, want iam.Result, layer iam.Layer, source string) {
	t.Helper()
	if got.Result != want || got.Because[0].Layer != layer {
		t.Errorf("%s by the %s, want %s by the %s (%s): %+v", got.Result, got.Because[0].Layer, want, layer, source, got.Because)
	}
}

// TestNotPrincipal: who a Deny with NotPrincipal spares (source:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
func TestNotPrincipal(t *testing.T) {
	t.Parallel()
	const (
		user    = "arn:aws:iam::111122223333:user/u"
		role    = "arn:aws:iam::111122223333:role/R"
		session = "arn:aws:sts::111122223333:assumed-role/R/s"
	)
	rows := []struct {
		name    string
		caller  string
		spared  string
		bounded bool
		denied  bool
	}{
		{"user and account", user, `{"AWS":["` + user + `","111122223333"]}`, false, false},
		{"user without account", user, `{"AWS":"` + user + `"}`, false, true},
		{"account without user", user, `{"AWS":"111122223333"}`, false, true},
		{"user with a boundary", user, `{"AWS":["` + user + `","111122223333"]}`, true, true},
		{"session, role and account", session, `{"AWS":["` + session + `","` + role + `","` + rootARN + `"]}`, false, false},
		{"session without role", session, `{"AWS":["` + session + `","` + rootARN + `"]}`, false, true},
		{"role without session", session, `{"AWS":["` + role + `","` + rootARN + `"]}`, false, true},
		{"role as caller", role, `{"AWS":["` + role + `","` + rootARN + `"]}`, false, false},
		{"root user", rootARN, `{"AWS":"` + rootARN + `"}`, false, false},
		{"service", "pods.eks.amazonaws.com", `{"Service":"pods.eks.amazonaws.com"}`, false, false},
		{"other service", "ec2.amazonaws.com", `{"Service":"pods.eks.amazonaws.com"}`, false, true},
		{"anonymous", iam.Anonymous, `{"AWS":"111122223333"}`, false, true},
		{"everybody", iam.Anonymous, `"*"`, false, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			set := iam.PolicySet{Resource: resourcePolicy(t, iam.KindBucket, []string{
				allow("*", "*", anyone),
				deny("*", "*", `,"NotPrincipal":`+row.spared),
			})}
			if row.bounded {
				set.Boundary = policies(t, iam.KindIdentity, []string{allow("*", "*", "")})
			}
			got := iam.Evaluate(iam.Request{Principal: row.caller, Action: get, Resource: "arn:aws:s3:::b/k", Account: account}, set)
			if denied := got.Result == iam.ExplicitlyDenied; denied != row.denied {
				t.Errorf("denied: %t, want %t; %+v", denied, row.denied, got.Because)
			}
		})
	}
}

// TestStatementsMadeByHand: what Parse refuses but a caller may build must not allow,
// and must deny where it stands in a Deny.
func TestStatementsMadeByHand(t *testing.T) {
	t.Parallel()
	everything := []string{"*"}
	anybody := &iam.Principals{Any: true}
	rows := map[string]struct {
		resource bool
		st       iam.Statement
	}{
		"no action":                      {false, iam.Statement{Resources: everything}},
		"both kinds of action":           {false, iam.Statement{Actions: everything, NotActions: []string{"a:B"}, Resources: everything}},
		"no resource":                    {false, iam.Statement{Actions: everything}},
		"both kinds of resource":         {false, iam.Statement{Actions: everything, Resources: everything, NotResources: []string{"arn:aws:s3:::x"}}},
		"principal in identity policy":   {false, iam.Statement{Principals: anybody, Actions: everything, Resources: everything}},
		"no principal in bucket policy":  {true, iam.Statement{Actions: everything, Resources: everything}},
		"NotPrincipal in an Allow":       {true, iam.Statement{NotPrincipals: &iam.Principals{AWS: []string{"999988887777"}}, Actions: everything, Resources: everything}},
		"both kinds of principal":        {true, iam.Statement{Principals: anybody, NotPrincipals: &iam.Principals{AWS: []string{"999988887777"}}, Actions: everything, Resources: everything}},
		"canonical user, never resolved": {true, iam.Statement{Principals: &iam.Principals{CanonicalUser: []string{"x"}}, Actions: everything, Resources: everything}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			evaluate := func(effect iam.Effect) iam.Result {
				st := row.st
				st.Effect = effect
				p := iam.Policy{Document: &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{st}}}
				set := iam.PolicySet{Identity: []iam.Policy{p}}
				if row.resource {
					set = iam.PolicySet{Resource: &p}
				}
				return iam.Evaluate(iam.Request{Principal: "arn:aws:iam::111122223333:user/u", Action: get, Resource: "arn:aws:s3:::b", Account: account}, set).Result
			}
			if got := evaluate(iam.Allow); got != iam.ImplicitlyDenied {
				t.Errorf("as Allow: %s", got)
			}
			for _, effect := range []iam.Effect{iam.Deny, "", "deny"} {
				if got := evaluate(effect); got != iam.ExplicitlyDenied {
					t.Errorf("as %q: %s", effect, got)
				}
			}
		})
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	decision := func(r iam.Result) iam.Decision {
		return iam.Decision{Result: r, Because: []iam.Reason{{Text: string(r)}}}
	}
	a, i, e := decision(iam.Allowed), decision(iam.ImplicitlyDenied), decision(iam.ExplicitlyDenied)
	rows := []struct {
		name    string
		in      []iam.Decision
		want    iam.Result
		reasons int
	}{
		{"none", nil, iam.ImplicitlyDenied, 1},
		{"allowed twice", []iam.Decision{a, a}, iam.Allowed, 2},
		{"implicit last", []iam.Decision{a, i}, iam.ImplicitlyDenied, 1},
		{"implicit first", []iam.Decision{i, a}, iam.ImplicitlyDenied, 1},
		{"explicit over implicit", []iam.Decision{i, e, i}, iam.ExplicitlyDenied, 1},
		{"explicit over allowed", []iam.Decision{e, a}, iam.ExplicitlyDenied, 1},
		{"both contexts deny", []iam.Decision{e, a, e}, iam.ExplicitlyDenied, 2},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got := iam.All(row.in...)
			if got.Result != row.want || len(got.Because) != row.reasons {
				t.Errorf("got %+v, want %s for %d reasons", got, row.want, row.reasons)
			}
			if row.in != nil && got.Because[0].Text != string(row.want) {
				t.Errorf("the first reason is of a decision that did not decide: %+v", got.Because)
			}
		})
	}
}
