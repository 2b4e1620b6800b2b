package tofu

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"

	"github.com/managedcas/managedcas/internal/iam"
	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/internal/tenancy"
)

// ofRoot are the variables of the root module for an installation: it makes the key.
func ofRoot(in tenancy.Installation, more map[string]any) map[string]any {
	given := variables(in)
	delete(given, "kms_key_arn")
	maps.Copy(given, more)
	return given
}

var (
	podIdentity = map[string]any{"pod_identity": map[string]any{"cluster_name": "production"}}
	irsa        = map[string]any{"irsa": map[string]any{"oidc_provider_arn": "arn:aws:iam::" + account + ":oidc-provider/" + issuer}}
)

// settings are the ways to use the root module.
func settings() map[string]map[string]any {
	all := map[string]map[string]any{"other identities": ofRoot(example(), nil)}
	for _, name := range []string{"the guide's", "cas of its own", "inline, without dashes", "everything"} {
		all[name+", Pod Identity"] = ofRoot(installations()[name], podIdentity)
		all[name+", IRSA"] = ofRoot(installations()[name], irsa)
	}
	all["every variable"] = ofRoot(installations()["everything"], map[string]any{
		"pod_identity":                map[string]any{"cluster_name": "production", "region": "eu-central-1"},
		"purged_organizations":        []string{"0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"},
		"namespace":                   "storage",
		"service_accounts":            map[string]any{"cas": "artifacts"},
		"vpc_endpoint_id":             "vpce-0123456789abcdef0",
		"versioning":                  "Enabled",
		"key_deletion_window_in_days": 7,
		"permissions_boundary_arn":    "arn:aws:iam::" + account + ":policy/boundary",
		"tags":                        map[string]any{"team": "storage"},
	})
	return all
}

// Every argument is one that the provider's documentation has, everything required is
// there, and every reference leads somewhere, whatever the variables are.
func TestRootModule(t *testing.T) {
	t.Parallel()
	module := load(t, root)
	for name, given := range settings() {
		e := module.evaluate(t, values(t, given))
		addresses := e.everything()
		if len(e.refused) > 0 {
			t.Errorf("%s: %s", name, e.refused)
		}
		if len(addresses) < 15 {
			t.Errorf("%s: only %d resources", name, len(addresses))
		}
	}
}

var update = flag.Bool("update", false, "write the values for the chart to its test data")

func TestExamples(t *testing.T) {
	t.Parallel()
	for dir, identity := range map[string]string{"pod-identity": "podIdentity", "irsa": "irsa"} {
		e := load(t, root+"/examples/"+dir).evaluate(t, nil)
		e.everything()
		if len(e.refused) > 0 {
			t.Errorf("%s: %s", dir, e.refused)
		}
		text := e.output("helm_values").AsString()
		if !strings.Contains(text, "workloadIdentity: "+identity) {
			t.Errorf("%s has values for another identity:\n%s", dir, text)
		}
		// The chart's tests, of another module, render this.
		file := "../chart/testdata/tofu-" + dir + ".values.yaml"
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || string(want) != text {
			t.Errorf("%s (%v) is not the module's output; if it should be, go test -update:\n%s", file, err, text)
		}
	}
}

// What goes where: each role, the key, the bucket and the endpoint have their documents.
func TestResourcesHaveTheirDocuments(t *testing.T) {
	t.Parallel()
	in := installations()["everything"]
	e := load(t, root).evaluate(t, values(t, ofRoot(in, map[string]any{"vpc_endpoint_id": "vpce-0123456789abcdef0"})))
	in, err := tenancy.New(in)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]tenancy.NamedDocument{}
	for _, d := range in.Documents() {
		want[d.Name] = d
	}
	role := func(name, key string) cty.Value { return at(e.node("aws_iam_role."+name, ""), key) }
	policy := func(name, key string) cty.Value { return at(e.node("aws_iam_role_policy."+name, ""), key) }
	for _, row := range []struct {
		resource cty.Value
		argument string
		document string
	}{
		{role("workload", "backend"), "assume_role_policy", "workload-trust-pod-identity"},
		{role("workload", "controlplane"), "assume_role_policy", "workload-trust-pod-identity"},
		{role("workload", "cas"), "assume_role_policy", "workload-trust-pod-identity"},
		{role("base", ""), "assume_role_policy", "base-role-trust"},
		{role("purge", "0"), "assume_role_policy", "purge-role-trust"},
		{policy("workload", "backend"), "policy", "backend-permissions"},
		{policy("workload", "controlplane"), "policy", "controlplane-permissions"},
		{policy("workload", "cas"), "policy", "cas-permissions"},
		{policy("base", ""), "policy", "base-role-permissions"},
		{policy("purge", "0"), "policy", "purge-role-permissions"},
		{e.node("aws_kms_key_policy.artifacts", ""), "policy", "key-policy"},
		{e.node("aws_s3_bucket_policy.artifacts", ""), "policy", "bucket-policy"},
		{at(e.node("aws_vpc_endpoint_policy.s3", ""), "0"), "policy", "vpc-endpoint-policy"},
	} {
		d := want[row.document]
		got, err := iam.Parse(d.Kind, []byte(text(row.resource, row.argument)))
		if err != nil || !iam.Equal(got, d.Document) {
			t.Errorf("%s is not what is there: %s (%v)", row.document, text(row.resource, row.argument), err)
		}
	}
	for _, row := range [][3]string{
		{"workload", "backend", in.BackendRoleName}, {"workload", "controlplane", in.ControlplaneRoleName}, {"workload", "cas", in.CASRoleName},
		{"base", "", in.BaseRoleName}, {"purge", "0", in.PurgeRoleName},
	} {
		if got := text(role(row[0], row[1]), "name"); got != row[2] || text(policy(row[0], row[1]), "role") != row[2] {
			t.Errorf("role %s %s is %s, with a policy of %s: want %s", row[0], row[1], got, text(policy(row[0], row[1]), "role"), row[2])
		}
	}
}

// With IRSA each role trusts its own service accounts.
func TestRolesTrustTheirServiceAccounts(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]map[string][]string{
		"the guide's":    {"backend": {"managedcas-backend"}, "controlplane": {"managedcas-cas", "managedcas-controlplane"}},
		"cas of its own": {"backend": {"managedcas-backend"}, "controlplane": {"managedcas-controlplane"}, "cas": {"managedcas-cas"}},
	} {
		roles := load(t, root).evaluate(t, values(t, ofRoot(installations()[name], irsa))).node("aws_iam_role.workload", "")
		got := map[string][]string{}
		for workload, role := range elements(roles) {
			trust, err := iam.Parse(iam.KindTrust, []byte(text(role, "assume_role_policy")))
			if err != nil {
				t.Fatal(err)
			}
			for _, condition := range trust.Statements[0].Conditions {
				if condition.Key == issuer+":sub" {
					for _, subject := range condition.Values {
						got[workload] = append(got[workload], strings.TrimPrefix(subject, "system:serviceaccount:managedcas:"))
					}
					slices.Sort(got[workload])
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// With Pod Identity there is an association for each service account, without the tags.
func TestAssociations(t *testing.T) {
	t.Parallel()
	for name, roles := range map[string][3]string{
		"the guide's":    {"chainloop-backend", "chainloop-controlplane", "chainloop-controlplane"},
		"cas of its own": {"chainloop-backend", "chainloop-controlplane", "chainloop-cas"},
	} {
		associations := load(t, root).evaluate(t, values(t, ofRoot(installations()[name], podIdentity))).node("aws_eks_pod_identity_association.workload", "")
		for i, workload := range []string{"backend", "controlplane", "cas"} {
			got := at(associations, workload)
			if text(got, "role_arn") != "arn:aws:iam::"+account+":role/"+roles[i] || text(got, "service_account") != "managedcas-"+workload ||
				text(got, "namespace") != "managedcas" || text(got, "cluster_name") != "production" || got.GetAttr("disable_session_tags").False() {
				t.Errorf("%s: %s: %#v", name, workload, got)
			}
		}
	}
	none := load(t, root).evaluate(t, values(t, ofRoot(example(), irsa))).node("aws_eks_pod_identity_association.workload", "")
	if n := none.LengthInt(); n != 0 {
		t.Errorf("%d associations beside IRSA", n)
	}
}

// The values for the chart are a configuration of the same installation, and name the
// identities of its pods.
func TestHelmValues(t *testing.T) {
	t.Parallel()
	for name, given := range settings() {
		e := load(t, root).evaluate(t, values(t, given))
		var chart struct {
			WorkloadIdentity           string
			Backend, Controlplane, CAS map[string]any
		}
		text := e.output("helm_values").AsString()
		if err := yaml.Unmarshal([]byte(strings.Replace(text, "workloadIdentity:", "workloadidentity:", 1)), &chart); err != nil {
			t.Fatal(err)
		}
		want := "podIdentity"
		if given["irsa"] != nil {
			want = "irsa"
		}
		if chart.WorkloadIdentity != want {
			t.Errorf("%s: workloadIdentity is %q", name, chart.WorkloadIdentity)
		}
		accounts := e.node("local.service_accounts", "")
		for workload, values := range map[string]map[string]any{"backend": chart.Backend, "controlplane": chart.Controlplane, "cas": chart.CAS} {
			account, _ := values["serviceAccount"].(map[string]any)
			if account["name"] != accounts.GetAttr(workload).AsString() {
				t.Errorf("%s: service account of %s: %v", name, workload, values["serviceAccount"])
			}
		}
		cfg, err := service.ParseConfig([]byte(e.output("configuration").AsString()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		in, err := cfg.Backend.ManagedCas.Installation()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, d := range in.Documents() {
			got, err := iam.Parse(d.Kind, []byte(e.output("policy_documents").AsValueMap()[d.Name].AsString()))
			if err != nil || !iam.Equal(got, d.Document) {
				t.Errorf("%s: %s of the configuration is another one (%v)", name, d.Name, err)
			}
		}
	}
}

// at is an instance of a resource: by its key or index; "": the only one.
func at(resource cty.Value, key string) cty.Value {
	switch {
	case key == "":
		return resource
	case resource.Type().IsTupleType():
		return resource.Index(cty.NumberIntVal(int64(key[0] - '0')))
	default:
		return resource.GetAttr(key)
	}
}

func text(object cty.Value, argument string) string { return object.GetAttr(argument).AsString() }
