package rollout

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/grpc/codes"

	"github.com/managedcas/managedcas/internal/problem"
	"github.com/managedcas/managedcas/test/process"
)

var update = flag.Bool("update", false, "write the metrics that the roles expose to test/chart/testdata")

// metricsFile is what test/chart holds alerts and dashboards to.
const metricsFile = "../chart/testdata/metrics.txt"

// exposed are the metrics that processes have shown, with the values of their labels.
type exposed struct {
	mu      sync.Mutex
	kinds   map[string]string
	labels  map[string]map[string]map[string]bool
	scraped int
}

// varying are labels whose values depend on what happened to be done, or are many.
var varying = []string{"service", "operation", "method", "code", "protocol", "outcome", "sink"}

// scrape reads what the roles of a site show now.
func (e *exposed) scrape(t *testing.T, s *site, up *running) {
	t.Helper()
	transport := &http.Transport{}
	if s.authority != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: s.authority.Pool}
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: process.Patience}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, url := range up.metrics {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
		must(t, err)
		res, err := client.Do(r)
		must(t, err)
		e.read(t, res.Body)
		must(t, res.Body.Close())
	}
	e.scraped++
}

func (e *exposed) read(t *testing.T, text io.Reader) {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	must(t, err)
	for name, family := range families {
		if !strings.HasPrefix(name, "managedcas_") {
			continue
		}
		if e.labels[name] == nil {
			e.labels[name] = map[string]map[string]bool{}
		}
		e.kinds[name] = strings.ToLower(family.GetType().String())
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if e.labels[name][label.GetName()] == nil {
					e.labels[name][label.GetName()] = map[string]bool{}
				}
				e.labels[name][label.GetName()][label.GetValue()] = true
			}
		}
	}
}

// String has a line for each metric: its name, its type, and its labels with their values.
func (e *exposed) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(e.kinds)) {
		fmt.Fprintf(&b, "%s %s", name, e.kinds[name])
		for _, label := range slices.Sorted(maps.Keys(e.labels[name])) {
			fmt.Fprintf(&b, " %s=%s", label, strings.Join(e.values(name, label), "|"))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// values are those that a label can have; * is any.
func (e *exposed) values(metric, label string) []string {
	switch {
	case metric == "managedcas_transfers_total" && label == "outcome":
		all := []string{"ok", "panic"}
		for _, kind := range problem.Kinds() {
			all = append(all, kind.String())
		}
		slices.Sort(all)
		return all
	case metric == "managedcas_call_seconds" && label == "code":
		var all []string
		for code := codes.OK; code <= codes.Unauthenticated; code++ {
			all = append(all, code.String())
		}
		return all
	case slices.Contains(varying, label) && metric != "managedcas_reconciles_total", strings.HasPrefix(metric, "managedcas_transfer") && label == "kind":
		return []string{"*"}
	}
	return slices.Sorted(maps.Keys(e.labels[metric][label]))
}

// want compares with what alerts and dashboards are held to.
func (e *exposed) want(t *testing.T) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(metricsFile, []byte(e.String()), 0o644))
	}
	if diff := cmp.Diff(read(t, metricsFile), e.String()); diff != "" {
		t.Errorf("the roles expose other metrics than %s has; if they should: go test -run TestRollout -update (-file +exposed)\n%s", metricsFile, diff)
	}
}
