package chart

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

// alerts are those that the chart installs.
func alerts(t *testing.T) []monitoring.Rule {
	t.Helper()
	found := each[*monitoring.PrometheusRule](all[1].objects(t, "prometheusRule: {runbook: https://runbooks.example/managedcas}"))
	if len(found) != 1 || len(found[0].Spec.Groups) != 1 {
		t.Fatalf("%d rules", len(found))
	}
	return found[0].Spec.Groups[0].Rules
}

var field = regexp.MustCompile(`\$labels\.(\w+)`)

// Every alert names metrics that exist, and says how bad it is, what it means and where to read on.
func TestAlerts(t *testing.T) {
	t.Parallel()
	metrics := exposed(t)
	for _, a := range alerts(t) {
		expr, err := check(metrics, a.Expr.String())
		if err != nil {
			t.Errorf("%s: %v", a.Alert, err)
			continue
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, a.Labels["severity"]) {
			t.Errorf("%s: severity %q", a.Alert, a.Labels["severity"])
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s does not say what it means", a.Alert)
		}
		if want := "https://runbooks.example/managedcas#" + strings.ToLower(a.Alert); a.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url %q, want %q", a.Alert, a.Annotations["runbook_url"], want)
		}
		for _, label := range field.FindAllStringSubmatch(a.Annotations["description"], -1) {
			if !slices.Contains(outputs(metrics, expr), label[1]) {
				t.Errorf("%s tells of a label %s, and has %v", a.Alert, label[1], outputs(metrics, expr))
			}
		}
	}
}

// Every alert has a section in the runbook, and every such section an alert.
func TestEveryAlertHasARunbook(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, a := range alerts(t) {
		want = append(want, a.Alert)
	}
	for _, heading := range regexp.MustCompile(`(?m)^### (Managedcas\w+)$`).FindAllStringSubmatch(string(text), -1) {
		got = append(got, heading[1])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-alerts +sections of docs/runbook.md):\n%s", diff)
	}
}

// situation is a history of series in Prometheus's own notation, a value a minute.
type situation struct {
	alert         string
	minutes       int
	fires, silent string
}

// Every alert fires when it should, and not when nothing is wrong.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	rule := map[string]monitoring.Rule{}
	for _, a := range alerts(t) {
		rule[a.Alert] = a
	}
	for _, s := range situations {
		a, known := rule[s.alert]
		if !known {
			t.Errorf("there is no alert %s", s.alert)
		}
		delete(rule, s.alert)
		t.Run(s.alert, func(t *testing.T) {
			t.Parallel()
			if fired := history(t, a, s.fires, s.minutes); fired == 0 {
				t.Errorf("it does not fire after %d minutes of\n%s", s.minutes, s.fires)
			}
			if fired := history(t, a, s.silent, s.minutes); fired > 0 {
				t.Errorf("it fires with\n%s", s.silent)
			}
		})
	}
	for name := range rule {
		t.Errorf("%s has no situation here", name)
	}
}

// history evaluates an alert once a minute, as Prometheus does, and returns in how many minutes
// it fired.
func history(t *testing.T, a monitoring.Rule, series string, minutes int) (fired int) {
	t.Helper()
	input := "load 1m\n"
	for line := range strings.Lines(series) {
		input += "  " + strings.TrimSpace(line) + "\n"
	}
	storage := promqltest.LoadedStorage(t, input)
	defer storage.Close()
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, promqltest.DefaultMaxSamplesPerQuery)
	expr, err := check(exposed(t), a.Expr.String())
	if err != nil {
		t.Fatal(err)
	}
	var hold model.Duration
	if a.For != nil {
		if hold, err = model.ParseDuration(string(*a.For)); err != nil {
			t.Fatal(err)
		}
	}
	alerting := rules.NewAlertingRule(a.Alert, expr, time.Duration(hold), 0,
		labels.FromMap(a.Labels), labels.FromMap(a.Annotations), labels.EmptyLabels(), "", true, nil)
	for minute := range minutes + 1 {
		if _, err := alerting.Eval(t.Context(), 0, time.Unix(int64(minute)*60, 0), rules.EngineQueryFunc(engine, storage), nil, 0); err != nil {
			t.Fatal(err)
		}
		for _, active := range alerting.ActiveAlerts() {
			if active.State != rules.StateFiring {
				continue
			}
			fired++
			if text := active.Annotations.Get("description"); strings.Contains(text, "<") {
				t.Errorf("it says: %s", text)
			}
		}
	}
	return fired
}
