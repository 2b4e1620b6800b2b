package provision_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/managedcas/managedcas/internal/awscloud"
	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/provision"
	"github.com/managedcas/managedcas/internal/tenancy"
)

const oidcProvider = "arn:aws:iam::" + account + ":oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"

func serviceAccounts() map[string]string {
	return map[string]string{"backend": "b", "controlplane": "p", "cas": "c"}
}

func irsa() provision.Identity {
	return provision.Identity{Kind: provision.IRSA, OIDCProviderARN: oidcProvider, Namespace: "artifacts", ServiceAccounts: serviceAccounts()}
}

func identified(t *testing.T, in tenancy.Installation, c *awscloud.Cloud, id provision.Identity) *provision.Provisioner {
	t.Helper()
	p, err := provision.New(provision.Config{Installation: in, Roles: c, Keys: c, Buckets: c, Settings: c, Identity: id})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, p *provision.Provisioner) provision.Plan {
	t.Helper()
	plan, err := p.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	return plan
}

func trust(t *testing.T, c *awscloud.Cloud, role string) string {
	t.Helper()
	r, err := c.Role(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Trust)
}

// Each role trusts its own service accounts; a shared role those of both workloads. What
// provision made for one way it makes anew for the other, and only when it is told to.
func TestRolesForIRSA(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	shared := names()
	shared.CASRoleName = ""
	if plan := run(t, identified(t, shared, c, irsa())); plan.Steps[0].String() != "create role backend, for IRSA" {
		t.Errorf("first %s", plan.Steps[0])
	}
	for role, accounts := range map[string][]string{"backend": {"artifacts:b"}, "controlplane": {"artifacts:c", "artifacts:p"}} {
		text := trust(t, c, role)
		for _, account := range accounts {
			if !strings.Contains(text, `"system:serviceaccount:`+account+`"`) {
				t.Errorf("%s does not trust %s: %s", role, account, text)
			}
		}
		if n := strings.Count(text, "system:serviceaccount:"); n != len(accounts) {
			t.Errorf("%s trusts %d service accounts: %s", role, n, text)
		}
	}
	if plan, err := identified(t, shared, c, irsa()).Plan(t.Context()); err != nil || len(plan.Steps) != 0 || len(plan.Notes) != 0 {
		t.Errorf("again: %v %v %v", plan.Steps, plan.Notes, err)
	}
	if left := plan(t, shared, c); len(left) != 0 {
		t.Errorf("without saying how: %v", left)
	}
	back := provision.Identity{Kind: provision.PodIdentity, Namespace: "artifacts", ServiceAccounts: serviceAccounts()}
	changed := run(t, identified(t, shared, c, back))
	want := []string{"replace the trust policy of role backend", "replace the trust policy of role controlplane"}
	if got := words(changed); !slices.Equal(got, want) || !slices.Equal(sids(t, changed.Steps[0].Removes), []string{"ServiceAccount"}) || !slices.Equal(sids(t, changed.Steps[0].Adds), []string{"PodIdentity"}) {
		t.Errorf("back: %v, %s %s", got, changed.Steps[0].Removes, changed.Steps[0].Adds)
	}
	moved := irsa()
	moved.Namespace = "elsewhere"
	run(t, identified(t, shared, c, irsa()))
	if got := words(run(t, identified(t, shared, c, moved))); !slices.Equal(got, want) {
		t.Errorf("another namespace: %v", got)
	}
}

// Whoever else a role trusts, its owner decides: the plan says what is missing.
func TestForeignTrustStays(t *testing.T) {
	t.Parallel()
	_, c := emulated(t)
	in, err := apply(t, names(), c)
	if err != nil {
		t.Fatal(err)
	}
	mixed := in.WorkloadTrustPodIdentity()
	mixed.Statements = append(mixed.Statements, iam.Statement{
		Sid: "Me", Effect: iam.Allow, Principals: &iam.Principals{AWS: []string{"arn:aws:iam::" + account + ":root"}}, Actions: []string{"sts:AssumeRole"},
	})
	// Wildcards among the service accounts are not what provision writes.
	wide := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{
		Sid: "ServiceAccount", Effect: iam.Allow, Principals: &iam.Principals{Federated: []string{oidcProvider}},
		Actions: []string{"sts:AssumeRoleWithWebIdentity"},
		Conditions: []iam.Condition{{
			Operator: "StringLike", Key: strings.TrimPrefix(oidcProvider, "arn:aws:iam::"+account+":oidc-provider/") + ":sub", Values: []string{"system:serviceaccount:artifacts:*"},
		}},
	}}}
	for role, d := range map[string]*iam.Document{"backend": mixed, "cas": wide} {
		if err := c.PutRoleTrust(t.Context(), role, d); err != nil {
			t.Fatal(err)
		}
	}
	before := []string{trust(t, c, "backend"), trust(t, c, "cas")}
	plan := run(t, identified(t, in, c, irsa()))
	if got := words(plan); !slices.Equal(got, []string{"replace the trust policy of role controlplane"}) {
		t.Errorf("plan %v", got)
	}
	if len(plan.Notes) != 2 || !strings.Contains(plan.Notes[0], "role backend stays") || !strings.Contains(plan.Notes[0], "system:serviceaccount:artifacts:b") || !strings.Contains(plan.Notes[1], "role cas stays") {
		t.Errorf("notes %q", plan.Notes)
	}
	if after := []string{trust(t, c, "backend"), trust(t, c, "cas")}; !slices.Equal(before, after) {
		t.Errorf("before %v, after %v", before, after)
	}
	// Nor are tokens for another audience than STS.
	wide.Statements[0].Conditions[0].Operator, wide.Statements[0].Conditions[0].Values = "StringEquals", []string{"system:serviceaccount:artifacts:other"}
	if err := c.PutRoleTrust(t.Context(), "cas", wide); err != nil {
		t.Fatal(err)
	}
	if plan, err := identified(t, in, c, irsa()).Plan(t.Context()); err != nil || len(plan.Steps) != 0 || len(plan.Notes) != 2 {
		t.Errorf("any audience: %v, notes %q, %v", plan.Steps, plan.Notes, err)
	}
}

func TestIdentitiesThatCannotBe(t *testing.T) {
	t.Parallel()
	for says, spoil := range map[string]func(*provision.Identity){
		"workload identity":      func(id *provision.Identity) { id.Kind = "irsA" },
		"list-open-id-connect":   func(id *provision.Identity) { id.OIDCProviderARN = "" },
		"alone":                  func(id *provision.Identity) { id.Kind = provision.PodIdentity },
		"namespace":              func(id *provision.Identity) { id.Namespace = "Artifacts" },
		"service account \"\"":   func(id *provision.Identity) { id.ServiceAccounts["cas"] = "" },
		"another one for each":   func(id *provision.Identity) { id.ServiceAccounts["cas"] = "b" },
		"a service account for":  func(id *provision.Identity) { id.ServiceAccounts["webui"] = "w" },
		"service account \"b*\"": func(id *provision.Identity) { id.ServiceAccounts["backend"] = "b*" },
	} {
		id := irsa()
		spoil(&id)
		if err := id.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	other := irsa()
	other.OIDCProviderARN = "arn:aws:iam::210987654321:oidc-provider/x"
	if _, err := provision.New(provision.Config{Installation: names(), Identity: other}); err == nil || !strings.Contains(err.Error(), "in the account of the installation") {
		t.Errorf("a provider of another account: %v", err)
	}
	if err := irsa().Check(); err != nil {
		t.Error(err)
	}
}

// The associations are complete commands, with session tags disabled, for three service
// accounts, of which two share a role.
func TestAssociations(t *testing.T) {
	t.Parallel()
	in, err := tenancy.New(func() tenancy.Installation {
		in := names()
		in.CASRoleName, in.KMSKeyARN = "", "arn:aws:kms:eu-west-1:"+account+":key/1"
		return in
	}())
	if err != nil {
		t.Fatal(err)
	}
	id := provision.Identity{Namespace: "artifacts", ServiceAccounts: serviceAccounts()}
	got := id.Associations(in, "production")
	for i, want := range []string{"--service-account b --role-arn arn:aws:iam::123456789012:role/backend ", "--service-account p --role-arn arn:aws:iam::123456789012:role/controlplane ", "--service-account c --role-arn arn:aws:iam::123456789012:role/controlplane "} {
		if len(got) != 3 || !strings.Contains(got[i], want) || !strings.HasPrefix(got[i], "aws eks create-pod-identity-association --region eu-west-1 --cluster-name production --namespace artifacts ") || !strings.HasSuffix(got[i], " --disable-session-tags") {
			t.Fatalf("%q", got)
		}
	}
	if got := irsa().Associations(in, "production"); len(got) != 0 {
		t.Errorf("for IRSA: %q", got)
	}
}

func words(plan provision.Plan) []string {
	var words []string
	for _, step := range plan.Steps {
		words = append(words, step.String())
	}
	return words
}
