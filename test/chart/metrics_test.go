package chart

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// metric is what the roles expose under one name: test/rollout writes testdata/metrics.txt from
// real processes, and fails when they expose something else.
type metric struct {
	kind   string
	labels map[string][]string // values, or *
}

type metrics map[string]metric

func exposed(t *testing.T) metrics {
	t.Helper()
	text, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	found := metrics{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		m := metric{kind: words[1], labels: map[string][]string{}}
		for _, label := range words[2:] {
			name, values, _ := strings.Cut(label, "=")
			m.labels[name] = strings.Split(values, "|")
		}
		switch m.kind {
		case "histogram":
			found[words[0]+"_sum"], found[words[0]+"_count"] = m, m
			bucket := metric{"histogram", maps.Clone(m.labels)}
			bucket.labels["le"] = []string{"*"}
			found[words[0]+"_bucket"] = bucket
		default:
			found[words[0]] = m
		}
	}
	if len(found) < 60 {
		t.Fatalf("only %d metrics", len(found))
	}
	return found
}

// target are labels that Prometheus gives every series of a pod. Its operator would add service,
// which the chart takes away: metrics of AWS calls have that.
var target = []string{"namespace", "pod", "job", "instance"}

// check holds an expression to what is exposed: names, labels, their values, and what is done
// with a type.
func check(metrics metrics, expr string) (parser.Expr, error) {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, expr)
	}
	var wrong []error
	parser.Inspect(parsed, func(node parser.Node, path []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			wrong = append(wrong, metrics.allows(n, path)...)
		case *parser.AggregateExpr:
			inner := outputs(metrics, n.Expr)
			for _, label := range n.Grouping {
				if !slices.Contains(inner, label) {
					wrong = append(wrong, fmt.Errorf("%s has no %s to group by", n.Expr, label))
				}
			}
		}
		return nil
	})
	return parsed, errors.Join(wrong...)
}

func (m metrics) allows(s *parser.VectorSelector, path []parser.Node) (wrong []error) {
	found, known := m[s.Name]
	if !known {
		return []error{fmt.Errorf("there is no metric %s", s.Name)}
	}
	for _, matcher := range s.LabelMatchers {
		if err := found.matches(matcher); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", s.Name, err))
		}
	}
	// Whether a counter is there at all is the one thing to ask of it as it is.
	if (found.kind != "gauge") != counted(path) && !slices.ContainsFunc(path, isUnless) {
		wrong = append(wrong, fmt.Errorf("%s is a %s", s.Name, found.kind))
	}
	return wrong
}

func isUnless(n parser.Node) bool {
	binary, ok := n.(*parser.BinaryExpr)
	return ok && binary.Op == parser.LUNLESS
}

var alternatives = regexp.MustCompile(`^[\w|]+$`)

func (m metric) matches(by *labels.Matcher) error {
	values, known := m.labels[by.Name]
	switch {
	case by.Name == "__name__" || slices.Contains(target, by.Name):
		return nil
	case !known:
		return fmt.Errorf("it has no label %s", by.Name)
	case slices.Equal(values, []string{"*"}):
		return nil
	case by.Type == labels.MatchRegexp && !alternatives.MatchString(by.Value):
		return fmt.Errorf("%s is more than alternatives", by.Value)
	}
	for value := range strings.SplitSeq(by.Value, "|") {
		if !slices.Contains(values, value) {
			return fmt.Errorf("%s is never %s", by.Name, value)
		}
	}
	return nil
}

// counted reports whether a selector is under rate or increase, which counters need and gauges
// must not have.
func counted(path []parser.Node) bool {
	return slices.ContainsFunc(path, func(n parser.Node) bool {
		call, ok := n.(*parser.Call)
		return ok && slices.Contains([]string{"rate", "increase"}, call.Func.Name)
	})
}

// outputs are the labels that a series of the result can have.
func outputs(metrics metrics, expr parser.Expr) []string {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return append(slices.Collect(maps.Keys(metrics[e.Name].labels)), target...)
	case *parser.MatrixSelector:
		return outputs(metrics, e.VectorSelector)
	case *parser.AggregateExpr:
		if e.Op == parser.TOPK {
			return outputs(metrics, e.Expr)
		}
		return e.Grouping
	case *parser.Call:
		var all []string
		for _, argument := range e.Args {
			all = append(all, outputs(metrics, argument)...)
		}
		if e.Func.Name == "histogram_quantile" {
			all = slices.DeleteFunc(all, func(label string) bool { return label == "le" })
		}
		return all
	case *parser.BinaryExpr:
		left, right := outputs(metrics, e.LHS), outputs(metrics, e.RHS)
		if len(left) == 0 {
			return right
		}
		return left
	case *parser.ParenExpr:
		return outputs(metrics, e.Expr)
	}
	return nil
}

// A check that lets anything through would prove nothing.
func TestExpressionsAreChecked(t *testing.T) {
	t.Parallel()
	metrics := exposed(t)
	for _, expr := range []string{
		"managedcas_nothing",
		`managedcas_organizations{status="ready"}`,
		`managedcas_organizations{state="reday"}`,
		`rate(managedcas_probes_total{reason=~"Probed|Broken"}[5m])`,
		"sum by (kind) (managedcas_organizations)",
		"managedcas_probes_total > 0",
		"rate(managedcas_queue_depth[5m])",
		"rate(managedcas_transfer_seconds[5m])",
	} {
		if _, err := check(metrics, expr); err == nil {
			t.Errorf("%s is let through", expr)
		}
	}
}
