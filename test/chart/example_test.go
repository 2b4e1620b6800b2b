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
