package chart

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	core "k8s.io/api/core/v1"
)

var update = flag.Bool("update", false, "write what is rendered to testdata")

// Every file among the examples is in the table, and so in every test.
func TestEveryExampleIsTested(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, file := range files {
		want = append(want, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	for _, e := range all {
		got = append(got, e.name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// helm lint finds nothing, not even something to recommend but an icon.
func TestLint(t *testing.T) {
	t.Parallel()
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			for _, message := range lint.RunAll(directory, e.values(t, ""), e.namespace).Messages {
				if message.Severity > support.InfoSev || !strings.Contains(message.Err.Error(), "icon") {
					t.Error(message)
				}
			}
		})
	}
}

// What is rendered is what was last looked at. go test -update writes it anew; the processes of
// test/rollout are started with it.
func TestExamplesRender(t *testing.T) {
	t.Parallel()
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			rendered, err := e.render(t, e.values(t, ""))
			if err != nil {
				t.Fatal(err)
			}
			text, notes := manifests(rendered)
			golden(t, e.name+".yaml", text)
			golden(t, e.name+".notes.txt", notes)
		})
	}
}

// Every key of the configuration goes through the schema and the templates, also the longest
// numbers, which YAML likes to write with an exponent.
func TestEveryKeyIsRendered(t *testing.T) {
	t.Parallel()
	more, err := os.ReadFile("testdata/every-key.values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	maps := each[*core.ConfigMap](all[0].objects(t, string(more)))
	if len(maps) != 1 {
		t.Fatalf("%d configurations", len(maps))
	}
	golden(t, "every-key.config.yaml", maps[0].Data["managedcas.yaml"])
}

// What the OpenTofu module hands to the chart is accepted by it, and arrives. test/tofu
// evaluates the module's examples.
func TestValuesOfTofu(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"pod-identity", "irsa"} {
		text, err := os.ReadFile("testdata/tofu-" + name + ".values.yaml")
		if err != nil {
			t.Fatal(err)
		}
		e := example{name: "pod-identity", release: "managedcas", namespace: "managedcas"}
		// Nothing but the module says anything of AWS.
		more := parse(t, string(text))
		values := e.values(t, "backend: null\nworkloadIdentity: null")
		rendered, err := e.render(t, loader.MergeMaps(values, more))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		said, _ := manifests(rendered)
		annotated := strings.Count(said, "eks.amazonaws.com/role-arn: ")
		if want := []int{0, 3}[i]; annotated != want {
			t.Errorf("%s: %d service accounts have a role's annotation, want %d", name, annotated, want)
		}
		for _, workload := range []string{"backend", "controlplane", "cas"} {
			account := more[workload].(map[string]any)["serviceAccount"].(map[string]any)["name"].(string)
			if !strings.Contains(said, "serviceAccountName: "+account+"\n") {
				t.Errorf("%s: no pod has the service account %s, which its role trusts", name, account)
			}
		}
		if !strings.Contains(said, "bucketName: example-artifacts\n") {
			t.Errorf("%s: the configuration has another bucket", name)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what is rendered now; if it should be, go test -update (-golden +rendered):\n%s", file, diff)
	}
}
