package tofu

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
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

// The documents are those of package tenancy, which `managedcasd policy render` writes: the
// same names, and each the same bytes in the canonical form.
func TestDocumentsAreThoseOfPolicyRender(t *testing.T) {
	t.Parallel()
	module := load(t, policies)
	for name, in := range installations() {
		e := module.evaluate(t, values(t, withIRSA(in, variables(in))))
		compareDocuments(t, name, in, byName(e.output("documents")))
		if len(e.refused) > 0 {
			t.Errorf("%s: %s", name, e.refused)
		}
	}
}

// The command itself, with the configuration that the module gives for it, writes the same.
func TestPolicyRenderWritesTheSame(t *testing.T) {
	t.Parallel()
	program, err := build("../..", "managedcasd", "./cmd/managedcasd")
	must(t, err)
	for _, name := range []string{"the guide's", "everything", "inline, without dashes"} {
		in := installations()[name]
		e := load(t, policies).evaluate(t, values(t, variables(in)))
		documents := byName(e.output("documents"))
		dir := t.TempDir()
		config, out := filepath.Join(dir, "managedcas.yaml"), filepath.Join(dir, "policies")
		must(t, os.WriteFile(config, []byte(call(t, "yamlencode", e.output("configuration")).AsString()), 0o600))
		if said, err := exec.CommandContext(t.Context(), program, "policy", "render", "--config", config, "--out", out).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, said)
		}
		written, err := os.ReadDir(out)
		must(t, err)
		if len(written) != len(documents) {
			t.Errorf("%s: %d files for %d documents", name, len(written), len(documents))
		}
		for _, d := range in.Documents() {
			text, err := os.ReadFile(filepath.Join(out, d.Name+".json"))
			must(t, err)
			file, err := iam.Parse(d.Kind, text)
			must(t, err)
			if ours, err := iam.Parse(d.Kind, []byte(documents[d.Name])); err != nil || string(ours.Canonical()) != string(file.Canonical()) {
				t.Errorf("%s: %s is another document (%v)", name, d.Name, err)
			}
		}
	}
}

// Without an OIDC provider there is no trust in one.
func TestDocumentsWithoutIRSA(t *testing.T) {
	t.Parallel()
	in := example()
	got := byName(load(t, policies).evaluate(t, values(t, variables(in))).output("documents"))
	for name := range got {
		if strings.Contains(name, "irsa") {
			t.Errorf("%s is there", name)
		}
	}
	if want := len(in.Documents()); len(got) != want {
		t.Errorf("%d documents: want %d", len(got), want)
	}
}

func byName(value cty.Value) map[string]string {
	found := map[string]string{}
	for name, text := range value.AsValueMap() {
		found[name] = text.AsString()
	}
	return found
}

// compareDocuments holds texts against what the installation has.
func compareDocuments(t *testing.T, about string, in tenancy.Installation, got map[string]string) {
	t.Helper()
	in, err := tenancy.New(in)
	if err != nil {
		t.Fatal(about, err)
	}
	want := append(in.Documents(), trustOfServiceAccounts(t, in)...)
	var names []string
	for _, d := range want {
		names = append(names, d.Name)
		parsed, err := iam.Parse(d.Kind, []byte(got[d.Name]))
		if err != nil {
			t.Errorf("%s: %s: %v", about, d.Name, err)
			continue
		}
		if diff := cmp.Diff(string(d.Document.Canonical()), string(parsed.Canonical())); diff != "" {
			t.Errorf("%s: %s (-policy render +module):\n%s", about, d.Name, diff)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("%s: documents (-policy render +module):\n%s", about, diff)
	}
}

func trustOfServiceAccounts(t *testing.T, in tenancy.Installation) []tenancy.NamedDocument {
	t.Helper()
	believed := maps.Clone(serviceAccounts)
	if in.CASRoleName == in.ControlplaneRoleName {
		believed["controlplane"] = slices.Concat(believed["controlplane"], believed["cas"])
		delete(believed, "cas")
	}
	var documents []tenancy.NamedDocument
	for workload, accounts := range believed {
		trust, err := in.WorkloadTrustIRSA(oidcProvider(in), accounts...)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, tenancy.NamedDocument{Name: "workload-trust-irsa-" + workload, Kind: iam.KindTrust, Document: trust})
	}
	return documents
}

// What the module says for the configuration file is the same installation again: nothing
// that the documents depend on is left out of the chart's values.
func TestConfigurationIsTheInstallation(t *testing.T) {
	t.Parallel()
	module := load(t, policies)
	for name, in := range installations() {
		value := module.evaluate(t, values(t, variables(in))).output("configuration")
		text := call(t, "yamlencode", value).AsString()
		cfg, err := service.ParseConfig([]byte(text))
		if err != nil {
			t.Errorf("%s: %v in\n%s", name, err, text)
			continue
		}
		got, err := cfg.Backend.ManagedCas.Installation()
		if err != nil {
			t.Errorf("%s: %v in\n%s", name, err, text)
			continue
		}
		want, err := tenancy.New(in)
		if err != nil {
			t.Fatal(name, err)
		}
		if len(want.OperatorARNs) == 0 {
			want.OperatorARNs, got.OperatorARNs = nil, nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-given +configuration):\n%s", name, diff)
		}
	}
}

// The keys of the configuration are those of the guide.
func TestConfigurationHasTheGuidesNames(t *testing.T) {
	t.Parallel()
	value := load(t, policies).evaluate(t, values(t, variables(example()))).output("configuration")
	var got struct {
		Backend struct{ ManagedCas map[string]any }
	}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(call(t, "yamlencode", value).AsString(), "managedCas", "managedcas")), &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"enabled", "region", "accountId", "bucketName", "kmsKeyArn", "apPrefix", "baseRoleName", "sessionPolicyPrefix"} {
		if got.Backend.ManagedCas[name] == nil {
			t.Errorf("no %s in backend.managedCas: %v", name, got)
		}
	}
}

func call(t *testing.T, name string, argument cty.Value) cty.Value {
	t.Helper()
	value, err := functions[name].Call([]cty.Value{argument})
	if err != nil {
		t.Fatal(err)
	}
	return value
}
