package awscloud_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metric adds up a metric's values of one operation.
func metric(t *testing.T, collectors []prometheus.Collector, name, operation string) float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collectors...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "operation" && label.GetValue() == operation {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

// A signed URL is no call: whoever uses it, the process sent nothing.
func TestSignedURLsAreNotCounted(t *testing.T) {
	t.Parallel()
	c := over(t, func(*http.Request) (int, string) { return http.StatusOK, "" })
	if _, err := objects(t, c).PresignGet(t.Context(), "key", "name", time.Minute); err != nil {
		t.Fatal(err)
	}
	if n := metric(t, c.Collectors(), "managedcas_aws_calls_total", "GetObject"); n != 0 {
		t.Errorf("%v calls of GetObject are counted, want none", n)
	}
}
