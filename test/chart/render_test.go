// Package chart renders the chart with Helm itself and holds what comes out to the types of
// Kubernetes.
package chart

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

const (
	directory = "../../deploy/helm/managedcas"
	examples  = "../../deploy/helm/examples"
)

// example is one file of values, and as what it is installed: its first lines say that too.
type example struct{ name, release, namespace string }

var all = []example{
	{"irsa", "prod", "artifacts"},
	{"pod-identity", "managedcas", "managedcas"},
	{"trial", "trial", "trial"},
}

// values reads an example, and puts more YAML over it, where null takes a key away.
func (e example) values(t *testing.T, more string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, e.name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return withoutNulls(loader.MergeMaps(parse(t, string(text)), parse(t, more)))
}

func withoutNulls(values map[string]any) map[string]any {
	maps.DeleteFunc(values, func(_ string, value any) bool { return value == nil })
	for _, value := range values {
		if under, ok := value.(map[string]any); ok {
			withoutNulls(under)
		}
	}
	return values
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	return values
}

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(directory)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render does what helm template does: the schema first, then the templates.
func (e example) render(t *testing.T, values map[string]any) (map[string]string, error) {
	t.Helper()
	c := load(t)
	options := common.ReleaseOptions{Name: e.release, Namespace: e.namespace, Revision: 1, IsInstall: true}
	complete, err := util.ToRenderValues(c, values, options, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, complete)
}

// manifests are what was rendered, in one text, and the notes.
func manifests(rendered map[string]string) (text, notes string) {
	var b strings.Builder
	for _, file := range slices.Sorted(maps.Keys(rendered)) {
		switch content := strings.TrimSpace(rendered[file]); {
		case strings.HasSuffix(file, "NOTES.txt"):
			notes = content + "\n"
		case strings.HasSuffix(file, ".tpl"):
		default:
			for document := range strings.SplitSeq("\n"+content, "\n---") {
				if strings.TrimSpace(document) != "" {
					fmt.Fprintf(&b, "---\n# Source: %s\n%s\n", file, strings.TrimSpace(document))
				}
			}
		}
	}
	return b.String(), notes
}
