package chart

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	core "k8s.io/api/core/v1"
)

// dashboard is what the tests look at of a dashboard.
type dashboard struct {
	UID           string
	Title         string
	Tags          []string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	Datasource  source
	GridPos     struct{ X, Y, W, H int }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []struct {
		RefID        string
		Expr         string
		LegendFormat string
		Datasource   source
	}
}

type source struct{ Type, UID string }

// prometheus is the data source that is chosen above the dashboard.
var prometheus = source{"prometheus", "${datasource}"}

// units are those of Grafana that the panels use.
var units = []string{"short", "s", "Bps", "reqps", "percent", "percentunit"}

var legend = regexp.MustCompile(`{{(\w+)}}`)

// filled is an expression as Grafana sends it with everything chosen.
var filled = strings.NewReplacer("$__rate_interval", "5m", `"$namespace"`, `".*"`)

// Grafana's types of panels and queries are known to its decoder from then on.
func init() { plugins.RegisterDefaultPlugins() }

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(directory, "dashboards", "*.json"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d dashboards, %v", len(files), err)
	}
	found := map[string]dashboard{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// Grafana's own types, which know no field that Grafana does not, and miss those that it needs.
		var known grafana.Dashboard
		for _, err := range []error{known.UnmarshalJSONStrict(text), known.Validate()} {
			if err != nil && err.Error() != "" { // it returns an empty list of errors for none
				t.Errorf("%s: %v", file, err)
			}
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		found[filepath.Base(file)] = d
	}
	return found
}

// Every panel asks for metrics that exist, and says what it shows.
func TestDashboards(t *testing.T) {
	t.Parallel()
	metrics, seen := exposed(t), map[string]bool{}
	for file, d := range dashboards(t) {
		if d.UID != "managedcas-"+strings.TrimSuffix(file, ".json") || !strings.HasPrefix(d.Title, "managedcas / ") || d.SchemaVersion != int(grafana.NewDashboard().SchemaVersion) || !slices.Contains(d.Tags, "managedcas") {
			t.Errorf("%s: uid %q, title %q, schema %d, tags %v", file, d.UID, d.Title, d.SchemaVersion, d.Tags)
		}
		for _, v := range d.Templating.List {
			if name, _, isQuery := strings.Cut(strings.TrimPrefix(v.Definition, "label_values("), ","); v.Type == "query" && (!isQuery || metrics[name].kind == "") {
				t.Errorf("%s: variable %s asks for %q", file, v.Name, v.Definition)
			}
		}
		for i, p := range d.Panels {
			if p.ID != i+1 || p.Title == "" || p.Description == "" || p.Datasource != prometheus || !slices.Contains(units, p.FieldConfig.Defaults.Unit) ||
				!slices.Contains([]string{"stat", "timeseries"}, p.Type) || len(p.Targets) == 0 {
				t.Errorf("%s: panel %d %q: %+v", file, p.ID, p.Title, p)
			}
			for _, before := range d.Panels[:i] {
				if overlap(before, p) {
					t.Errorf("%s: %q lies over %q", file, p.Title, before.Title)
				}
			}
			for _, target := range p.Targets {
				expr, err := check(metrics, filled.Replace(target.Expr))
				if err != nil {
					t.Errorf("%s: %s: %v", file, p.Title, err)
					continue
				}
				if target.Datasource != prometheus || target.RefID == "" || !strings.Contains(target.Expr, `{namespace=~"$namespace"`) {
					t.Errorf("%s: %s: %+v", file, p.Title, target)
				}
				for _, label := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
					if !slices.Contains(outputs(metrics, expr), label[1]) {
						t.Errorf("%s: %s: the legend has %s, and the series %v", file, p.Title, label[1], outputs(metrics, expr))
					}
				}
				for name := range metrics {
					if strings.Contains(target.Expr, name+"{") {
						seen[strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")] = true
					}
				}
			}
		}
	}
	for name := range metrics {
		if base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum"); !seen[base] && !slices.Contains(unseen, base) {
			t.Errorf("no dashboard shows %s", base)
		}
	}
}

// unseen are metrics that no panel has: details for somebody who looks for a cause.
var unseen = []string{
	"managedcas_audit_batches_total", "managedcas_audit_failures_total", "managedcas_audit_sink_records_total", "managedcas_audit_sink_failures_total",
	"managedcas_catalogue_batches_total", "managedcas_catalogue_restored_total", "managedcas_tls_certificate_refused",
}

func overlap(a, b panel) bool {
	return a.GridPos.X < b.GridPos.X+b.GridPos.W && b.GridPos.X < a.GridPos.X+a.GridPos.W &&
		a.GridPos.Y < b.GridPos.Y+b.GridPos.H && b.GridPos.Y < a.GridPos.Y+a.GridPos.H
}

// The chart installs them for Grafana's sidecar, as they are.
func TestDashboardsAreInstalled(t *testing.T) {
	t.Parallel()
	want := dashboards(t)
	for _, c := range each[*core.ConfigMap](all[1].objects(t, "grafanaDashboards: {enabled: true, annotations: {grafana_folder: x}}")) {
		for name, text := range c.Data {
			if !strings.HasSuffix(name, ".json") {
				continue
			}
			file := strings.TrimPrefix(name, "managedcas-")
			original, err := os.ReadFile(filepath.Join(directory, "dashboards", file))
			if err != nil || strings.TrimSpace(string(original)) != strings.TrimSpace(text) {
				t.Errorf("%s is not what the chart has (%v)", name, err)
			}
			if c.Labels["grafana_dashboard"] != "1" || c.Annotations["grafana_folder"] != "x" || len(text) > 1<<20 {
				t.Errorf("%s: labels %v, annotations %v, %d bytes", c.Name, c.Labels, c.Annotations, len(text))
			}
			delete(want, file)
		}
	}
	for file := range want {
		t.Errorf("%s is not installed", file)
	}
}
